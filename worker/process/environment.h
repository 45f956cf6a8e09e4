// What a worker keeps of the environment that the server was started with: what its configuration lists. The
// rest may hold secrets of whoever started it, and is gone for getenv(3), for a program that the worker runs,
// and for /proc/PID/environ.
#ifndef PREFORKD_WORKER_PROCESS_ENVIRONMENT_H_
#define PREFORKD_WORKER_PROCESS_ENVIRONMENT_H_

#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// Is `variable`, NAME=VALUE, among `names`? One that ends in '*' stands for all names that begin so. What has
// no '=' or no name is among none.
bool IsListed(std::string_view variable, const std::vector<std::string>& names);

// Leaves only what is listed, and overwrites the rest in place. In the child, before it is a worker;
// single-threaded. Pointers that getenv(3) returned before are void. Needs /proc for what the kernel shows of
// the environment. False: there is no /proc; then nobody here can read it either.
bool KeepEnvironment(const std::vector<std::string>& names);

}  // namespace preforkd

#endif
