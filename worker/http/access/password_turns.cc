#include "worker/http/access/password_turns.h"

#include <algorithm>

namespace preforkd::http {

PasswordTurns::Clients::iterator PasswordTurns::Find(const HostAddress& client) {
  return std::find_if(clients_.begin(), clients_.end(),
                      [&](const Client& each) { return each.address == client; });
}

std::size_t PasswordTurns::Size() const {
  std::size_t size = running_ ? 1 : 0;
  for (const Client& each : clients_) size += each.waiting.size();
  return size;
}

std::size_t PasswordTurns::Waiting(const HostAddress& client) const {
  const auto found = std::find_if(clients_.begin(), clients_.end(),
                                  [&](const Client& each) { return each.address == client; });
  return found == clients_.end() ? 0 : found->waiting.size();
}

PasswordTurns::Verdict PasswordTurns::Enter(std::uint64_t number, const HostAddress& client) {
  const std::size_t waiting = Waiting(client);
  const bool runs = running_ && running_->second == client;
  if (waiting + (runs ? 1 : 0) >= max_of_client_) return {Entered::kTooMany};
  Verdict verdict;
  if (Size() >= max_) {
    verdict.displaced = Displace(waiting);
    if (!verdict.displaced) return {Entered::kFull};
  }
  auto own = Find(client);
  // A client that is new comes last.
  if (own == clients_.end()) own = clients_.insert(clients_.end(), {client, {}});
  own->waiting.push_back(number);
  return verdict;
}

std::optional<std::uint64_t> PasswordTurns::Displace(std::size_t of_newcomer) {
  const auto most = std::max_element(clients_.begin(), clients_.end(), [](const Client& a, const Client& b) {
    return a.waiting.size() < b.waiting.size();
  });
  if (most == clients_.end() || most->waiting.size() <= of_newcomer + 1) return std::nullopt;
  const std::uint64_t number = most->waiting.back();
  most->waiting.pop_back();  // it had two at least
  return number;
}

std::optional<std::uint64_t> PasswordTurns::Begin() {
  if (running_ || clients_.empty()) return std::nullopt;
  Client client = std::move(clients_.front());
  clients_.pop_front();
  const std::uint64_t number = client.waiting.front();
  client.waiting.pop_front();
  running_ = {number, client.address};
  if (!client.waiting.empty()) clients_.push_back(std::move(client));
  return number;
}

bool PasswordTurns::Remove(std::uint64_t number) {
  for (auto client = clients_.begin(); client != clients_.end(); ++client) {
    if (std::erase(client->waiting, number) == 0) continue;
    if (client->waiting.empty()) clients_.erase(client);
    return true;
  }
  return false;
}

}  // namespace preforkd::http
