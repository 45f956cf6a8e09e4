#include "worker/http/access/password_turns.h"

#include <algorithm>
#include <iterator>

namespace preforkd::http {

std::size_t PasswordTurns::IndexOf(const HostAddress& client) const {
  const auto found = std::find_if(clients_.begin(), clients_.end(),
                                  [&](const Client& each) { return each.address == client; });
  return static_cast<std::size_t>(found - clients_.begin());
}

std::size_t PasswordTurns::Size() const {
  std::size_t size = running_ ? 1 : 0;
  for (const Client& each : clients_) size += each.waiting.size();
  return size;
}

std::size_t PasswordTurns::Waiting(const HostAddress& client) const {
  const std::size_t index = IndexOf(client);
  return index == clients_.size() ? 0 : clients_[index].waiting.size();
}

PasswordTurns::Verdict PasswordTurns::Enter(std::uint64_t number, const HostAddress& client) {
  const std::size_t own = IndexOf(client);
  const std::size_t waiting = own == clients_.size() ? 0 : clients_[own].waiting.size();
  const bool runs = running_ && running_->second == client;
  if (waiting + (runs ? 1 : 0) >= max_of_client_) return {Entered::kTooMany};
  Verdict verdict;
  if (Size() >= max_) {
    verdict.displaced = Displace(waiting);
    if (!verdict.displaced) return {Entered::kFull};
  }
  // A client that is new comes last. Displacing has left each client at least one, so all are where they
  // were.
  if (own == clients_.size()) clients_.push_back({client, {}});
  clients_[own].waiting.push_back({number});
  return verdict;
}

void PasswordTurns::Join(std::uint64_t number, const HostAddress& client) {
  for (Client& each : clients_) {
    if (each.address == client) continue;
    for (Check& check : each.waiting) {
      if (check.number == number) check.shared = true;
    }
  }
}

std::optional<std::uint64_t> PasswordTurns::Displace(std::size_t of_newcomer) {
  const auto most = std::max_element(clients_.begin(), clients_.end(), [](const Client& a, const Client& b) {
    return a.waiting.size() < b.waiting.size();
  });
  if (most == clients_.end() || most->waiting.size() <= of_newcomer + 1) return std::nullopt;
  std::deque<Check>& waiting = most->waiting;  // two at least
  auto last = std::find_if(waiting.rbegin(), waiting.rend(), [](const Check& each) { return !each.shared; });
  if (last == waiting.rend()) last = waiting.rbegin();
  const std::uint64_t number = last->number;
  waiting.erase(std::next(last).base());
  return number;
}

std::optional<std::uint64_t> PasswordTurns::Begin() {
  if (running_ || clients_.empty()) return std::nullopt;
  Client client = std::move(clients_.front());
  clients_.pop_front();
  const std::uint64_t number = client.waiting.front().number;
  client.waiting.pop_front();
  running_ = {number, client.address};
  if (!client.waiting.empty()) clients_.push_back(std::move(client));
  return number;
}

bool PasswordTurns::Remove(std::uint64_t number) {
  for (auto client = clients_.begin(); client != clients_.end(); ++client) {
    const auto is = [number](const Check& each) { return each.number == number; };
    if (std::erase_if(client->waiting, is) == 0) continue;
    if (client->waiting.empty()) clients_.erase(client);
    return true;
  }
  return false;
}

}  // namespace preforkd::http
