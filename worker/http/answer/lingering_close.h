// LingeringClose: how a connection ends on which the client may still be sending.
//
// Closing a socket with unread input makes the kernel send RST, and RST takes away what the client has not
// read yet: the very answer that says why. So: FIN behind the answer, then read and discard until the client
// closes too. There is no bound on bytes: a client that writes all that it has before it reads gets its
// answer, while it keeps to a rate and within a total time. Where places are short nothing excuses its age:
// the client has its answer.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_LINGERING_CLOSE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_LINGERING_CLOSE_H_

#include <cstdint>

#include "common/base/clock.h"
#include "worker/connection/connection.h"
#include "worker/http/answer/pace.h"

namespace preforkd::http {

class LingeringClose {
 public:
  // `min_rate`: of the service, for what a client sends.
  LingeringClose(Connection& connection, std::uint64_t min_rate);

  // Everything has been sent.
  void Begin();
  // Input has arrived. Closes the connection when it is over.
  void OnReadable();
  // The worker is leaving: two seconds more at most.
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
