// An environment variable meant for this process alone: no child and no reader of /proc/PID/environ may find
// it. Master only; call before any fork.
#ifndef PREFORKD_MASTER_SYSTEM_WIPED_VARIABLE_H_
#define PREFORKD_MASTER_SYSTEM_WIPED_VARIABLE_H_

#include <optional>
#include <string>

namespace preforkd {

// Returns the value, nullopt if it is not set, and overwrites name and value in place: unsetenv(3) only
// removes the pointer.
std::optional<std::string> TakeVariable(const char* name);

}  // namespace preforkd

#endif
