// What a worker that is somebody else's would try: one system call, and what became of it. For tests only.
#ifndef PREFORKD_TESTS_FAULT_SYSTEM_CALLS_H_
#define PREFORKD_TESTS_FAULT_SYSTEM_CALLS_H_

#include <string>
#include <string_view>

#include "common/scoreboard/scoreboard.h"

namespace preforkd::testing {

// `what`: "NAME" or "NAME ARGUMENT". "ok", or the name of the errno, such as "EPERM"; "what?" for an unknown
// name.
//   socket, thread, fork, exec (in a child: "ok" when it ran), code: make one
//   read PATH, write PATH, connect PATH: open it so, as a Unix socket in the last case
//   ask PATH, child-ask PATH: tells the control socket there to stop the server, itself or in a child;
//   "permission denied" signal PID, trace PID, limits PID: of another process block: makes standard error,
//   which all processes share, block
std::string TrySystemCall(std::string_view what);

// Asks the kernel to let this process write to `row`: "ok", or the name of the errno.
std::string TryRow(const WorkerRow& row);

}  // namespace preforkd::testing

#endif
