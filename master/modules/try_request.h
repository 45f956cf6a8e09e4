// --try: one request to a server that lives for it. The real server runs in a child, with one worker, and has
// one client: this process. They are connected before the server starts, and the socket has no name any more
// then: no other process can come in, and nothing has to be removed.
#ifndef PREFORKD_MASTER_MODULES_TRY_REQUEST_H_
#define PREFORKD_MASTER_MODULES_TRY_REQUEST_H_

#include <functional>
#include <optional>
#include <string>

#include "common/base/exit_code.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

struct TryRequest {
  std::string method;
  std::string target;
  std::optional<std::string> body;
};

// A listening socket, and the client that waits in its backlog.
struct TrySockets {
  UniqueFd listener;
  UniqueFd client;
};

// Error: a folder for the socket cannot be made in $TMPDIR or /tmp, or a system call failed.
Result<TrySockets> MakeTrySockets();

// `serve` runs the server in the child, until SIGTERM, and returns its exit code. Prints the body of the
// answer to standard output as it comes, status and fields to standard error. kStopped: the status is 2xx or
// 3xx. kTryFailed: another one, or no whole answer came.
inline constexpr int kTryFailed = 1;
int TryOnce(const TryRequest& request, UniqueFd client, const std::function<int()>& serve);

}  // namespace preforkd

#endif
