#include "tests/support/keep_alive_clients.h"

#include <poll.h>

#include <algorithm>
#include <stdexcept>

namespace preforkd::testing {

KeepAliveClients::KeepAliveClients(const std::string& address, int count) {
  for (int i = 0; i < count; ++i) {
    clients_.emplace_back(address);
    const std::optional<HttpResponse> response = clients_.back().Get("/");
    if (!response || response->status != 200) throw std::runtime_error("a first request is not answered");
  }
}

int KeepAliveClients::Answered() {
  int answered = 0;
  for (HttpClient& client : clients_) {
    const std::optional<HttpResponse> response = client.Get("/");
    answered += response && response->status == 200 ? 1 : 0;
  }
  return answered;
}

std::vector<Duration> KeepAliveClients::AnsweredAtOnce(std::size_t count) {
  std::vector<pollfd> waiting;
  std::vector<Time> asked;
  for (std::size_t i = 0; i < count; ++i) {
    waiting.push_back({clients_.at(i).Connection().Fd(), POLLIN, 0});
    asked.push_back(Now());
    if (!clients_[i].Ask("/")) waiting.back().fd = -1;
  }
  std::vector<Duration> answered;
  const auto timeout =
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(kClientTimeout).count());
  while (::poll(waiting.data(), waiting.size(), timeout) > 0) {
    const Time now = Now();
    for (std::size_t i = 0; i < count; ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      waiting[i].fd = -1;
      if (clients_[i].ReadResponse()) answered.push_back(now - asked[i]);
    }
    if (std::all_of(waiting.begin(), waiting.end(), [](const pollfd& one) { return one.fd < 0; })) break;
  }
  std::sort(answered.begin(), answered.end());
  return answered;
}

}  // namespace preforkd::testing
