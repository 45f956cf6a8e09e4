#include "common/bounds/client_bounds.h"

#include <initializer_list>
#include <string>
#include <utility>

#include "common/base/log.h"

namespace preforkd {
namespace {

// How long a client with too many connections is told to wait: one of them may end at any time.
constexpr Duration kSoon = std::chrono::seconds(1);
// The client that stands for all of them, for the lines of the log.
constexpr std::uint64_t kAll = 0x9e3779b97f4a7c15;

}  // namespace

const char* BoundName(Bound bound) {
  switch (bound) {
    case Bound::kConnections: return "connections";
    case Bound::kNewConnections: return "connection_rate";
    case Bound::kHandshakes: return "handshake_rate";
    case Bound::kRequests: return "request_rate";
  }
  return "?";
}

void ClientBounds::Refusal::Log(ConnId id) const {
  if (!log_with) return;
  const std::string text = client.Text();
  const bool request = bound == Bound::kRequests;
  log::Info(
      {log::kClientBounded, id, {{"client", text}, {"bound", BoundName(bound)}, {"suppressed", *log_with}}},
      "{} has met {}{}: its {}", text, request ? "" : "limits.", BoundName(bound),
      request ? "request gets 429" : "connection is refused");
}

std::optional<ClientBounds::Client> ClientBounds::BoundedAt(const SocketAddress& peer) const {
  const std::optional<ClientNetwork> network = ClientNetwork::Of(peer);
  if (!network || (rules_.exempt && rules_.exempt(peer))) return std::nullopt;
  return Client{*network, network->Hash(tables_.book.key)};
}

std::optional<ClientBounds::Refusal> ClientBounds::Connects(
    const SocketAddress& peer, bool handshake, Time now,
    const std::function<bool(std::uint64_t hash, std::uint32_t limit)>& begins) {
  const std::uint32_t handshake_rate = handshake ? rules_.handshake_rate : 0;
  if (!Counts() && rules_.connection_rate == 0 && handshake_rate == 0) return std::nullopt;
  const std::optional<Client> client = BoundedAt(peer);
  if (!client) return std::nullopt;
  const std::uint64_t hash = client->hash;
  for (const auto& [bound, rate] : {std::pair(Bound::kNewConnections, rules_.connection_rate),
                                    std::pair(Bound::kHandshakes, handshake_rate)}) {
    if (rate == 0) continue;
    if (const auto wait = RatesOf(bound).Look(hash, rate, 2 * rate, now))
      return Refuse(bound, *client, *wait, now);
  }
  if (Counts() && !begins(hash, rules_.connections)) return Refuse(Bound::kConnections, *client, kSoon, now);
  // If another process has taken the last one meanwhile, it is served nevertheless.
  (void)Take(Bound::kNewConnections, hash, rules_.connection_rate, now);
  (void)Take(Bound::kHandshakes, hash, handshake_rate, now);
  return std::nullopt;
}

std::optional<ClientBounds::Refusal> ClientBounds::Requests(const SocketAddress& peer, std::uint16_t service,
                                                            std::uint32_t per_second, Time now) {
  if (per_second == 0) return std::nullopt;
  const std::optional<Client> client = BoundedAt(peer);
  if (!client) return std::nullopt;
  const std::uint64_t hash = client->network.Hash(tables_.book.key, service);
  const auto wait = Take(Bound::kRequests, hash, per_second, now);
  return wait ? std::optional(Refuse(Bound::kRequests, *client, *wait, now)) : std::nullopt;
}

std::optional<Duration> ClientBounds::Take(Bound bound, std::uint64_t hash, std::uint32_t per_second,
                                           Time now) {
  return per_second == 0 ? std::nullopt : RatesOf(bound).Take(hash, per_second, 2 * per_second, now);
}

ClientBounds::Refusal ClientBounds::Refuse(Bound bound, const Client& client, Duration after, Time now) {
  ClientRates& shared = tables_.rates;
  shared.met[static_cast<std::size_t>(bound)].fetch_add(1, std::memory_order_relaxed);
  Refusal refusal{bound, client.network, after};
  RateTable& lines = RatesOf(Bound::kConnections);
  std::atomic<std::uint32_t>& held_back = shared.held_back[client.hash % ClientRates::kHeldBack];
  if (lines.Take(client.hash, 1, 1, now) || lines.Take(kAll, kLines, kLines, now)) {
    held_back.fetch_add(1, std::memory_order_relaxed);
  } else {
    refusal.log_with = held_back.exchange(0, std::memory_order_relaxed);
  }
  return refusal;
}

}  // namespace preforkd
