// SessionVerdict: the session's decision about its connection, applied when the session's callback has
// returned. The session decides by calling Close, Travel or SwitchService; LiveConnection applies it. Owned
// by the Connection.
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

  // Records the result as the reason, in case the session calls Close without one.
  void Note(const IoResult& result);

  std::unique_ptr<Beginning> next;            // the service that takes over
  const char* why = "closed by the service";  // the reason for the end, for the log
  std::uint64_t heavy_at = kNever;            // bytes_in + bytes_out when its luggage was found too large
  std::optional<LossReason> loss;             // set if it ends through a fault of this server
  bool closing = false;
  bool travel = false;
  bool wake = false;
  bool readable = false;  // the session waits for input that has arrived, and the socket will not report it
};

}  // namespace preforkd

#endif
