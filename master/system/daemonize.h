// --daemonize: for those without a service manager. The command returns when the server serves, or with the
// exit code that it failed with.
#ifndef PREFORKD_MASTER_SYSTEM_DAEMONIZE_H_
#define PREFORKD_MASTER_SYSTEM_DAEMONIZE_H_

#include <functional>
#include <string>

namespace preforkd {

// Tells the waiting command that the server serves, and lets go of its terminal. Call it once.
using ServingCallback = std::function<void()>;

// Runs `serve` in a process of its own, in a session of its own, in the same folder (paths of the
// configuration may be relative to it, also at a reload). Standard error stays the terminal's until the
// server serves, and what goes wrong until then is said there too; `log_path` is where the rest of it is.
// Returns in the calling process: 0, or the exit code of `serve`.
int RunDaemonized(const std::string& log_path, const std::function<int(ServingCallback)>& serve);

}  // namespace preforkd

#endif
