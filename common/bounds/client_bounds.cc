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

std::optional<ClientBounds::Refusal> ClientBounds::Connects(ConnId id, const SocketAddress& peer,
                                                            bool handshake, Time now) {
  const std::uint32_t handshake_rate = handshake ? rules_.handshake_rate : 0;
  if (!Counts() && rules_.connection_rate == 0 && handshake_rate == 0) return std::nullopt;
  const std::optional<ClientNetwork> client = ClientNetwork::Of(peer);
  if (!client || Exempt(peer)) return std::nullopt;
  const std::uint64_t hash = client->Hash(page_.key);
  // All are asked before any of them counts it: see above.
  for (const auto& [bound, rate] : {std::pair(Bound::kNewConnections, rules_.connection_rate),
                                    std::pair(Bound::kHandshakes, handshake_rate)}) {
    if (rate == 0) continue;
    if (const auto wait = RatesOf(bound).Look(hash, rate, 2 * rate, now))
      return Refuse(bound, *client, hash, *wait, now);
  }
  if (Counts() && !page_.connections.Begin(id, hash, rules_.connections))
    return Refuse(Bound::kConnections, *client, hash, kSoon, now);
  // If another process has taken the last one meanwhile, it is served nevertheless.
  (void)Take(Bound::kNewConnections, hash, rules_.connection_rate, now);
  (void)Take(Bound::kHandshakes, hash, handshake_rate, now);
  return std::nullopt;
}

std::optional<ClientBounds::Refusal> ClientBounds::Requests(const SocketAddress& peer, std::uint16_t service,
                                                            std::uint32_t per_second, Time now) {
  if (per_second == 0) return std::nullopt;
  const std::optional<ClientNetwork> client = ClientNetwork::Of(peer);
  if (!client || Exempt(peer)) return std::nullopt;
  const auto wait = Take(Bound::kRequests, client->Hash(page_.key, service), per_second, now);
  if (!wait) return std::nullopt;
  return Refuse(Bound::kRequests, *client, client->Hash(page_.key), *wait, now);
}

void ClientBounds::Recount(ConnId id, const SocketAddress& peer) {
  const std::optional<ClientNetwork> client = ClientNetwork::Of(peer);
  if (client && !Exempt(peer)) page_.connections.Count(id, client->Hash(page_.key));
}

std::optional<Duration> ClientBounds::Take(Bound bound, std::uint64_t hash, std::uint32_t per_second,
                                           Time now) {
  return per_second == 0 ? std::nullopt : RatesOf(bound).Take(hash, per_second, 2 * per_second, now);
}

ClientBounds::Refusal ClientBounds::Refuse(Bound bound, const ClientNetwork& client, std::uint64_t hash,
                                           Duration after, Time now) {
  page_.met[static_cast<std::size_t>(bound)].fetch_add(1, std::memory_order_relaxed);
  Refusal refusal{bound, client, after};
  RateTable& lines = RatesOf(Bound::kConnections);
  std::atomic<std::uint32_t>& held_back = page_.held_back[hash % ClientPage::kHeldBack];
  if (lines.Take(hash, 1, 1, now) || lines.Take(kAll, kLines, kLines, now)) {
    held_back.fetch_add(1, std::memory_order_relaxed);
  } else {
    refusal.log_with = held_back.exchange(0, std::memory_order_relaxed);
  }
  return refusal;
}

}  // namespace preforkd
