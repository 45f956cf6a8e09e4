// KeepAliveClients: HTTP clients that each keep one connection, whatever happens to the server.
//
// They never reconnect: a client that lost its connection gets no more answers, and tests count that.
#ifndef PREFORKD_TESTS_SUPPORT_KEEP_ALIVE_CLIENTS_H_
#define PREFORKD_TESTS_SUPPORT_KEEP_ALIVE_CLIENTS_H_

#include <string>
#include <vector>

#include "tests/support/http_client.h"

namespace preforkd::testing {

class KeepAliveClients {
 public:
  // Connects one client after the other and sends its first request. Throws std::runtime_error if one gets no
  // answer.
  KeepAliveClients(const std::string& address, int count);

  // Each sends one request on its connection, one after the other. The number of 200 responses.
  int Answered();
  // The first `count` of them send a request at the same time. The time that each waited for its answer,
  // ascending; clients without an answer are left out.
  std::vector<Duration> AnsweredAtOnce(std::size_t count);
  // All close their connection, with FIN.
  void Close() { clients_.clear(); }
  [[nodiscard]] int Count() const { return static_cast<int>(clients_.size()); }

 private:
  std::vector<HttpClient> clients_;
};

}  // namespace preforkd::testing

#endif
