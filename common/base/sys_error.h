// The one place that turns errno into text.
#ifndef PREFORKD_COMMON_BASE_SYS_ERROR_H_
#define PREFORKD_COMMON_BASE_SYS_ERROR_H_

#include <string>
#include <string_view>

#include "common/base/result.h"

namespace preforkd {

// "bind 127.0.0.1:80: Permission denied (EACCES)", from the errno of the call that has just failed.
// The arguments are views, so that nothing between the failed call and here can change errno.
Error SysError(std::string_view syscall, std::string_view context = {});
// The same for an errno value that was kept.
Error SysErrorOf(int errnum, std::string_view syscall, std::string_view context = {});
// "Permission denied (EACCES)". Thread-safe; allocates only its result.
std::string ErrnoText(int errnum);
// "EACCES"; "E?" when libc does not know the number.
const char* ErrnoName(int errnum);

}  // namespace preforkd

#endif
