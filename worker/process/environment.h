// The worker's environment: only the variables that its configuration lists are kept. The others may hold
// secrets of the user that started the server, and are removed from getenv(3), from programs that the worker
// runs, and from /proc/PID/environ.
#ifndef PREFORKD_WORKER_PROCESS_ENVIRONMENT_H_
#define PREFORKD_WORKER_PROCESS_ENVIRONMENT_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// True if `variable` (NAME=VALUE) is in `names`. A name that ends in '*' matches every name with that prefix.
// False without '=' or without a name.
bool IsListed(std::string_view variable, const std::vector<std::string>& names);

// Keeps only the listed variables and overwrites the others in place. Call it in the child, single-threaded,
// before it becomes a worker. Earlier pointers from getenv(3) become invalid. Needs /proc to find the memory
// that the kernel shows. False: there is no /proc; then no process here can read it either.
bool KeepEnvironment(const std::vector<std::string>& names);

}  // namespace preforkd

#endif
