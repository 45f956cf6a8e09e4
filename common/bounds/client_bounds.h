// ClientBounds: what this process asks before it serves a client: may its address have one more connection,
// make one more handshake, send one more request? Each process has one; the numbers are shared (ClientPage).
//
// What is refused is not counted, by no bound: neither by the one that it met, so a client that goes on at
// its bound is served as often as that allows, nor by the others, so a client that has met one is not held
// back by another for what it did not get. A connection is asked of all its bounds first, and counted after
// that.
#ifndef PREFORKD_COMMON_BOUNDS_CLIENT_BOUNDS_H_
#define PREFORKD_COMMON_BOUNDS_CLIENT_BOUNDS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/bounds/client_network.h"
#include "common/bounds/client_page.h"
#include "common/net/address.h"

namespace preforkd {

// 0: no bound.
struct BoundRules {
  std::uint32_t connections = 0;      // at once
  std::uint32_t connection_rate = 0;  // new ones a second
  std::uint32_t handshake_rate = 0;   // of TLS, a second
  // True: that client is not bounded.
  std::function<bool(const SocketAddress&)> exempt{};
};

class ClientBounds {
 public:
  struct Refusal {
    Bound bound{};
    ClientNetwork client;
    Duration retry_after{};
    // It is to be logged: how many before it were not. At most one a second for each client, and kLines for
    // all.
    std::optional<std::uint32_t> log_with{};

    // Writes the line, if it is to be logged.
    void Log(ConnId id) const;
  };
  // Log lines a second, for all clients and processes together.
  static constexpr std::uint32_t kLines = 20;

  explicit ClientBounds(ClientPage& page) : page_(page) {}

  void Configure(BoundRules rules) { rules_ = std::move(rules); }

  // A client has connected, with a TLS handshake to come or not. nullopt: it is served, and its connection
  // counts until Ends. `id`: see MayNumber.
  std::optional<Refusal> Connects(ConnId id, const SocketAddress& peer, bool handshake, Time now);
  // A client has sent a request to the service with that number, which takes `per_second` from each; 0: any
  // number. Each service counts by itself: shared, the busiest of a client's services would use up what it
  // may do at the others. A client then has a cell for each service that it uses in the same two seconds.
  std::optional<Refusal> Requests(const SocketAddress& peer, std::uint16_t service, std::uint32_t per_second,
                                  Time now);

  // Connections at once are counted.
  [[nodiscard]] bool Counts() const { return rules_.connections > 0; }
  // A new connection with that number can be counted.
  [[nodiscard]] bool MayNumber(ConnId id) const { return !Counts() || page_.connections.IsFree(id); }
  // This process has the connection now, or gives it to a slot: see ConnectionCounts. `peer`: the client; it
  // is called only if needed.
  template <typename Peer>
  void Holds(ConnId id, Peer peer) {
    if (Counts() && !page_.connections.Counts(id)) Recount(id, peer());
  }
  void Gives(ConnId id, Slot slot) {
    if (page_.connections.InUse()) page_.connections.GiveTo(id, slot);
  }
  void TakesBack(ConnId id) {
    if (page_.connections.InUse()) page_.connections.TakeBack(id);
  }
  // A worker of that slot has taken it. It is counted, unless the last worker of the slot has ended
  // meanwhile.
  template <typename Peer>
  void TakenBy(Slot slot, ConnId id, Peer peer) {
    if (!Counts() || page_.connections.Counts(id)) return;
    Recount(id, peer());
    page_.connections.GiveTo(id, slot);
  }
  // Also if connections are not counted any more: they were when this one began.
  void Ends(ConnId id) {
    if (page_.connections.InUse()) page_.connections.End(id);
  }
  void EndsAllOf(Slot slot) {
    if (page_.connections.InUse()) page_.connections.EndAllOf(slot);
  }

 private:
  [[nodiscard]] bool Exempt(const SocketAddress& peer) const { return rules_.exempt && rules_.exempt(peer); }
  void Recount(ConnId id, const SocketAddress& peer);
  Refusal Refuse(Bound bound, const ClientNetwork& client, std::uint64_t hash, Duration after, Time now);
  // nullopt: it has taken one use, or there is no bound. Else how long to wait for one.
  std::optional<Duration> Take(Bound bound, std::uint64_t hash, std::uint32_t per_second, Time now);
  [[nodiscard]] RateTable& RatesOf(Bound bound) { return page_.rates[static_cast<std::size_t>(bound)]; }

  ClientPage& page_;
  BoundRules rules_;
};

}  // namespace preforkd

#endif
