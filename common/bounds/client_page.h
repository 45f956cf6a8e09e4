// ClientPage: the tables of all bounds by client address, in the scoreboard. Every process writes to it, so
// nothing here is trusted (connection_counts.h). All zero but the key: memory that no client needs is not
// used.
//
// It belongs to one program: after an upgrade the next one begins at 0, and counts the connections that it
// takes over.
#ifndef PREFORKD_COMMON_BOUNDS_CLIENT_PAGE_H_
#define PREFORKD_COMMON_BOUNDS_CLIENT_PAGE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/bounds/connection_counts.h"
#include "common/bounds/rate_table.h"
#include "common/structures/siphash.h"

namespace preforkd {

// What a client may have, or do in a second.
enum class Bound : std::uint8_t { kConnections, kNewConnections, kHandshakes, kRequests };
inline constexpr std::size_t kBounds = 4;
// "connections", "connection_rate" and so on: the key, and the label of the metric.
const char* BoundName(Bound bound);

struct ClientPage {
  SipKey key{};
  // How often each bound was met.
  std::array<std::atomic<std::uint64_t>, kBounds> met{};
  // Of the uses of a bound that were refused and not logged, by client: clients that share a cell share it.
  static constexpr std::size_t kHeldBack = 1024;
  std::array<std::atomic<std::uint32_t>, kHeldBack> held_back{};
  std::array<RateTable, kBounds> rates{};  // that of kConnections: log lines
  ConnectionCounts connections{};
};

}  // namespace preforkd

#endif
