// --daemonize, for systems without a service manager. The command returns 0 when the server serves, else the
// exit code of the server.
#ifndef PREFORKD_MASTER_SYSTEM_DAEMONIZE_H_
#define PREFORKD_MASTER_SYSTEM_DAEMONIZE_H_

#include <functional>
#include <string>

namespace preforkd {

// Tells the waiting command that the server serves, and releases the terminal. Call it once.
using ServingCallback = std::function<void()>;

// Runs `serve` in a new process and a new session. The working directory is kept, because paths in the
// configuration may be relative to it. Until the server serves, errors also go to the terminal's standard
// error; `log_path` is named there as the place of the complete log. Returns in the calling process: 0, or
// the exit code of `serve`.
int RunDaemonized(const std::string& log_path, const std::function<int(ServingCallback)>& serve);

}  // namespace preforkd

#endif
