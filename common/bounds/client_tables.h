// ClientTables: the tables of all bounds by client address, in the scoreboard. They belong to one program:
// after an upgrade the next one begins at 0, and counts the connections that it takes over.
//
// Who may write decides how long a worker that was taken over can do harm: in ClientBook not at all; with its
// ClientNotes about its own connections, as long as it lives; in ClientRates for three seconds more, and what
// it writes to the numbers of refusals there stays.
//
// All zero but the key: memory that no client needs is not used.
#ifndef PREFORKD_COMMON_BOUNDS_CLIENT_TABLES_H_
#define PREFORKD_COMMON_BOUNDS_CLIENT_TABLES_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/bounds/client_notes.h"
#include "common/bounds/connection_book.h"
#include "common/bounds/rate_table.h"
#include "common/structures/siphash.h"

namespace preforkd {

// What a client may have, or do in a second.
enum class Bound : std::uint8_t { kConnections, kNewConnections, kHandshakes, kRequests };
inline constexpr std::size_t kBounds = 4;
// "connections", "connection_rate" and so on: the key, and the label of the metric.
const char* BoundName(Bound bound);

// The master writes.
struct alignas(4096) ClientBook {
  SipKey key{};
  ConnectionBook connections{};
};

// Every process writes.
struct alignas(4096) ClientRates {
  // How often each bound was met.
  std::array<std::atomic<std::uint64_t>, kBounds> met{};
  // Of the uses of a bound that were refused and not logged, by client: clients that share a cell share it.
  static constexpr std::size_t kHeldBack = 1024;
  std::array<std::atomic<std::uint32_t>, kHeldBack> held_back{};
  std::array<RateTable, kBounds> rates{};  // that of kConnections: log lines
};

// Borrowed from the scoreboard.
struct ClientTables {
  ClientBook& book;
  ClientRates& rates;
  std::span<ClientNotes> notes;                  // by slot
  const std::atomic<std::uint32_t>& slots_used;  // slots from this one on have never had a worker

  [[nodiscard]] std::span<ClientNotes> UsedNotes() const {
    return notes.first(std::min<std::size_t>(slots_used.load(std::memory_order_relaxed), notes.size()));
  }
};

static_assert(ClientNotes::kPlaces == ConnectionBook::kConnections);

}  // namespace preforkd

#endif
