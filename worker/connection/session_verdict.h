// SessionVerdict: what is to become of a connection when the running callback of its session has returned.
// The session decides by what it calls (Close, Travel, BeginAnew), the worker carries it out
// (LiveConnection). Owned by the Connection.
#ifndef PREFORKD_WORKER_CONNECTION_SESSION_VERDICT_H_
#define PREFORKD_WORKER_CONNECTION_SESSION_VERDICT_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "common/scoreboard/reasons.h"
#include "worker/connection/client_socket.h"

namespace preforkd {

struct Beginning;

struct SessionVerdict {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  SessionVerdict();
  ~SessionVerdict();

  // The end of a session that closes without a word will have this reason.
  void Note(const IoResult& result);

  std::unique_ptr<Beginning> anew;          // the session that takes over
  const char* why = "its session is done";  // it ends
  std::uint64_t heavy_at = kNever;          // bytes that had moved when its luggage was too heavy to travel
  std::optional<LossReason> loss;           // it ends because of us
  bool closing = false;
  bool travel = false;
};

}  // namespace preforkd

#endif
