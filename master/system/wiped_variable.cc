#include "master/system/wiped_variable.h"

#include <string.h>

#include <cstdlib>

namespace preforkd {

std::optional<std::string> TakeVariable(const char* name) {
  char* value = ::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string taken(value);
  const std::size_t name_size = ::strlen(name) + 1;  // includes the '='
  ::unsetenv(name);
  ::explicit_bzero(value - name_size, name_size + taken.size());
  return taken;
}

}  // namespace preforkd
