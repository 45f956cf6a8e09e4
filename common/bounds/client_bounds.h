// ClientBounds: what a process asks before it serves a client: may its address have one more connection, make
// one more handshake, send one more request? Each process has one: the master a MasterBounds, a worker a
// WorkerBounds. The numbers are shared (ClientTables).
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
#include "common/bounds/client_tables.h"
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

  void Configure(BoundRules rules) { rules_ = std::move(rules); }

  // A client has sent a request to the service with that number, which takes `per_second` from each; 0: any
  // number. Each service counts by itself: shared, the busiest of a client's services would use up what it
  // may do at the others. A client then has a cell for each service that it uses in the same two seconds.
  std::optional<Refusal> Requests(const SocketAddress& peer, std::uint16_t service, std::uint32_t per_second,
                                  Time now);

  // Connections at once are counted.
  [[nodiscard]] bool Counts() const { return rules_.connections > 0; }

 protected:
  // Both must outlive the object.
  explicit ClientBounds(const ClientTables& tables) : tables_(tables) {}
  ~ClientBounds() = default;

  // Who is bounded; nullopt: nobody.
  struct Client {
    ClientNetwork network;
    std::uint64_t hash = 0;
  };
  [[nodiscard]] std::optional<Client> BoundedAt(const SocketAddress& peer) const;
  // A client has connected, with a TLS handshake to come or not. `begins` is asked after the rates whether it
  // may have one more at once, and counts it then; it is called only if these are bounded.
  std::optional<Refusal> Connects(const SocketAddress& peer, bool handshake, Time now,
                                  const std::function<bool(std::uint64_t hash, std::uint32_t limit)>& begins);

  const ClientTables tables_;

 private:
  Refusal Refuse(Bound bound, const Client& client, Duration after, Time now);
  // nullopt: it has taken one use, or there is no bound. Else how long to wait for one.
  std::optional<Duration> Take(Bound bound, std::uint64_t hash, std::uint32_t per_second, Time now);
  [[nodiscard]] RateTable& RatesOf(Bound bound) const {
    return tables_.rates.rates[static_cast<std::size_t>(bound)];
  }

  BoundRules rules_;
};

}  // namespace preforkd

#endif
