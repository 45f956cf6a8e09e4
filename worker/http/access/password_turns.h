// PasswordTurns: which password is checked next, and which waits no longer, so that a client with many wrong
// ones takes only its share. Pure.
//
// Clients are served in turn, each its oldest first. If all places are taken, a newcomer displaces the newest
// check of the client that has most waiting, if that one still has more than the newcomer's then: so clients
// do not displace each other without end, and nobody loses its only one. One that another client waits for
// too gives way only if all of its client's are so: if it never did, two addresses that send the same wrong
// passwords could keep their places.
#ifndef PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_TURNS_H_
#define PREFORKD_WORKER_HTTP_ACCESS_PASSWORD_TURNS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "common/net/network.h"

namespace preforkd::http {

class PasswordTurns {
 public:
  // At most `max` checks wait or run, `max_of_client` of one client.
  PasswordTurns(std::size_t max, std::size_t max_of_client) : max_(max), max_of_client_(max_of_client) {}

  enum class Entered {
    kWaits,
    kTooMany,  // its client has as many as it may
    kFull,
  };
  struct Verdict {
    Entered entered = Entered::kWaits;
    std::optional<std::uint64_t> displaced{};  // it waits no longer
  };
  // `number`: not known yet. `client`: as of HostAddress::Client.
  Verdict Enter(std::uint64_t number, const HostAddress& client);
  // A request of `client` waits for that check too.
  void Join(std::uint64_t number, const HostAddress& client);
  // Begins the next one. nullopt: none waits, or one runs.
  std::optional<std::uint64_t> Begin();
  // The one that runs has ended.
  void End() { running_.reset(); }
  // It waits no longer. False: it does not wait.
  bool Remove(std::uint64_t number);

  // Those that wait, and the one that runs.
  [[nodiscard]] std::size_t Size() const;
  [[nodiscard]] std::size_t Waiting(const HostAddress& client) const;

 private:
  struct Check {
    std::uint64_t number;
    bool shared = false;  // with another client
  };
  struct Client {
    HostAddress address;
    std::deque<Check> waiting;  // never empty; the oldest first
  };

  // The index in clients_; its size: nothing of that client waits.
  [[nodiscard]] std::size_t IndexOf(const HostAddress& client) const;
  std::optional<std::uint64_t> Displace(std::size_t of_newcomer);

  const std::size_t max_;
  const std::size_t max_of_client_;
  std::deque<Client> clients_;  // in the order of their turns
  std::optional<std::pair<std::uint64_t, HostAddress>> running_;
};

}  // namespace preforkd::http

#endif
