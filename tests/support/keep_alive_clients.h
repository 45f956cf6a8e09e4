// KeepAliveClients: HTTP clients that keep the one connection they have made, whatever happens to the server.
//
// They never connect again: who is cut off stays without an answer, and that is what a test counts.
#ifndef PREFORKD_TESTS_SUPPORT_KEEP_ALIVE_CLIENTS_H_
#define PREFORKD_TESTS_SUPPORT_KEEP_ALIVE_CLIENTS_H_

#include <string>
#include <vector>

#include "tests/support/http_client.h"

namespace preforkd::testing {

class KeepAliveClients {
 public:
  // One after the other connects and makes its first request. Throws std::runtime_error when one has no
  // answer.
  KeepAliveClients(const std::string& address, int count);

  // Each makes one request on its connection, one after the other. How many get a 200.
  int Answered();
  // The first `count` of them make a request in the same moment. How long each waited for its answer,
  // ascending; those that have none are left out.
  std::vector<Duration> AnsweredAtOnce(std::size_t count);
  // All leave, with FIN.
  void Close() { clients_.clear(); }
  [[nodiscard]] int Count() const { return static_cast<int>(clients_.size()); }

 private:
  std::vector<HttpClient> clients_;
};

}  // namespace preforkd::testing

#endif
