#include "common/base/check.h"

#include <cstdlib>

#include "common/base/log.h"

namespace preforkd {

void CheckFailed(const char* file, int line, const char* condition, const char* explanation) {
  log::Alert(log::kCheckFailed, "{}:{}: check failed: {} ({})", file, line, explanation, condition);
  std::abort();
}

}  // namespace preforkd
