#include "common/base/sys_error.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>

namespace preforkd {

Error SysError(std::string_view syscall, std::string_view context) {
  return SysErrorOf(errno, syscall, context);
}

Error SysErrorOf(int errnum, std::string_view syscall, std::string_view context) {
  return Error{fmt::format("{}{}{}: {}", syscall, context.empty() ? "" : " ", context, ErrnoText(errnum)),
               errnum};
}

std::string ErrnoText(int errnum) {
  const char* words = ::strerrordesc_np(errnum);  // glibc 2.32; unlike strerror, no shared buffer
  return fmt::format("{} ({})", words != nullptr ? words : "unknown error", ErrnoName(errnum));
}

const char* ErrnoName(int errnum) {
  const char* name = ::strerrorname_np(errnum);
  return name != nullptr ? name : "E?";
}

}  // namespace preforkd
