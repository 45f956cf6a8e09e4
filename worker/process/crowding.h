// Crowding: how long a worker lets clients keep a place without progress. The fuller the worker, the shorter.
// Pure.
//
// While enough places are free, the configured timeouts apply. From three quarters full on, the slowest are
// closed after 10 s, falling to 250 ms at seven eighths, which is longer than a round trip. So there is
// always room for a client that sends its request and reads its response; many slow clients harm only slow
// clients.
#ifndef PREFORKD_WORKER_PROCESS_CROWDING_H_
#define PREFORKD_WORKER_PROCESS_CROWDING_H_

#include <cstdint>
#include <optional>

#include "common/base/clock.h"
#include "common/config/config.h"

namespace preforkd {

// Upper bound for the descriptors of a worker with that many connections: a generous number of its own, one
// per client, and one for a file that the client may have requested.
inline constexpr std::uint64_t kDescriptorsPerConnection = 2;
[[nodiscard]] std::uint64_t DescriptorsFor(std::uint64_t connections);
// The number of connections for which `descriptor_limit` suffices.
[[nodiscard]] std::uint64_t PlacesFor(std::uint64_t descriptor_limit);
// How many connections a worker can have: as configured, and with its descriptors.
[[nodiscard]] std::uint64_t PlacesOf(const Config& config, std::uint64_t descriptor_limit);

struct Crowd {
  std::uint64_t connections = 0;  // live in this worker
  std::uint64_t max = 0;          // the maximum for this worker
  bool others_wait = false;       // connections wait because no worker has room
};

// Connections with a Session::Lag of at least this may be closed to make room. nullopt: there is enough room.
[[nodiscard]] std::optional<Duration> TimeoutOf(const Crowd& crowd);
// Interval between checks of a crowded worker. It grows with the number of connections, because a check costs
// time for each.
[[nodiscard]] Duration NextCheckAfter(std::uint64_t connections);

}  // namespace preforkd

#endif
