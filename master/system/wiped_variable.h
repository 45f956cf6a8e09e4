// A variable of the environment that is meant for this process alone: no child, and nobody who reads
// /proc/PID/environ, may find it. Master only, before anything is forked.
#ifndef PREFORKD_MASTER_SYSTEM_WIPED_VARIABLE_H_
#define PREFORKD_MASTER_SYSTEM_WIPED_VARIABLE_H_

#include <optional>
#include <string>

namespace preforkd {

// The value, nullopt when it is not set. Wiped in place, name and all: unsetenv(3) only forgets where it is.
std::optional<std::string> TakeVariable(const char* name);

}  // namespace preforkd

#endif
