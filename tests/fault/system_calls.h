// System calls that a compromised worker might try, and their results. For tests only.
#ifndef PREFORKD_TESTS_FAULT_SYSTEM_CALLS_H_
#define PREFORKD_TESTS_FAULT_SYSTEM_CALLS_H_

#include <string>
#include <string_view>

#include "common/scoreboard/scoreboard.h"

namespace preforkd::testing {

// Tries the system call `what`, "NAME" or "NAME ARGUMENT". Returns "ok", or the name of the errno, such as
// "EPERM"; "what?" for an unknown name.
//   socket, thread, fork, exec, code      make one (exec in a child: "ok" if it ran)
//   read PATH, write PATH, connect PATH   open it; the last one as a Unix socket
//   ask PATH, child-ask PATH              tell the control socket there to stop the server, from this process
//                                         or from a child; may return "permission denied"
//   signal PID, trace PID, limits PID     act on another process
//   block                                 make standard error blocking, which all processes share
std::string TrySystemCall(std::string_view what);

// Asks the kernel to let this process write to `row`: "ok", or the name of the errno.
std::string TryRow(const WorkerRow& row);

}  // namespace preforkd::testing

#endif
