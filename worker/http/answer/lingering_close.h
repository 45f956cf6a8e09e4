// LingeringClose: ends a connection on which the client may still be sending.
//
// If a socket with unread input is closed, the kernel sends RST, and the client may lose data that it has not
// read yet: the response with the reason. So it sends FIN after the response, then reads and discards input
// until the client closes too. The number of bytes is not limited, because a client may send everything
// before it reads; a minimum rate and a total time are. If the worker is short of places, the age alone
// counts, because the client has its response.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_LINGERING_CLOSE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_LINGERING_CLOSE_H_

#include <cstdint>

#include "common/base/clock.h"
#include "worker/connection/connection.h"
#include "worker/http/answer/pace.h"

namespace preforkd::http {

class LingeringClose {
 public:
  // `min_rate`: the service's minimum for data sent by a client, in bytes per second.
  LingeringClose(Connection& connection, std::uint64_t min_rate);

  // All responses have been sent: starts the close.
  void Begin();
  // Input has arrived. Closes the connection when the close is complete.
  void OnReadable();
  // The worker is retiring: ends within two seconds.
  void Hurry();
  [[nodiscard]] Duration Age(Time now) const { return now - pace_.Start(); }

 private:
  void AwaitMore(Time now);

  Connection& connection_;
  PaceRules rules_;
  Pace pace_;
};

}  // namespace preforkd::http

#endif
