// LingeringClose: how a connection ends on which the client may still be sending.
//
// Closing a socket with unread input makes the kernel send RST, and RST takes away what the client has not
// read yet: the very answer that says why. So: FIN behind the answer, then read and discard until the client
// closes too, bounded in time and bytes.
#ifndef PREFORKD_WORKER_HTTP_LINGERING_CLOSE_H_
#define PREFORKD_WORKER_HTTP_LINGERING_CLOSE_H_

#include <cstdint>

#include "common/base/clock.h"
#include "worker/connection.h"

namespace preforkd::http {

class LingeringClose {
 public:
  explicit LingeringClose(Connection& connection) : connection_(connection) {}

  // Everything has been sent.
  void Begin();
  // Input has arrived. Closes the connection when it is over.
  void OnReadable();

 private:
  void AwaitMore(Time now);

  Connection& connection_;
  Time deadline_{};
  std::uint64_t discarded_ = 0;
};

}  // namespace preforkd::http

#endif
