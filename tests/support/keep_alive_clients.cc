#include "tests/support/keep_alive_clients.h"

#include <stdexcept>

namespace preforkd::testing {

KeepAliveClients::KeepAliveClients(const std::string& address, int count) {
  for (int i = 0; i < count; ++i) clients_.emplace_back(address);
  if (Answered() != count) throw std::runtime_error("the first requests are not all answered");
}

int KeepAliveClients::Answered() {
  int answered = 0;
  for (HttpClient& client : clients_) {
    const std::optional<HttpResponse> response = client.Get("/");
    answered += response && response->status == 200 ? 1 : 0;
  }
  return answered;
}

}  // namespace preforkd::testing
