// How patient a worker is with clients that keep a place without moving on: the fuller it is, the less. Pure.
//
// While places are free everybody has the time that the configuration gives. From three quarters on the
// slowest must go after ten seconds, from seven eighths on after a quarter of a second, which is longer than
// a round trip. So there is always room for a client that sends its request and reads its answer, and a crowd
// of slow ones costs only slow ones.
#ifndef PREFORKD_WORKER_PROCESS_CROWDING_H_
#define PREFORKD_WORKER_PROCESS_CROWDING_H_

#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace preforkd {

// What a worker with so many connections has open at most: what it needs itself, generously, each client, and
// a file that the client may have asked for.
inline constexpr std::uint64_t kDescriptorsPerConnection = 2;
[[nodiscard]] std::uint64_t DescriptorsFor(std::uint64_t connections);
// How many connections the descriptors suffice for.
[[nodiscard]] std::uint64_t PlacesFor(std::uint64_t descriptor_limit);

struct Crowd {
  std::uint64_t connections = 0;  // live in this worker
  std::uint64_t most = 0;         // that it has room for
  bool others_wait = false;       // no worker has room for them
};

// A connection whose Session::Lag is at least as long may be ended to make room. nullopt: there is room
// enough.
[[nodiscard]] std::optional<Duration> TimeoutOf(const Crowd& crowd);
// When to look again at a worker that is or may soon be crowded: a look costs some time for each connection.
[[nodiscard]] Duration NextCheckAfter(std::uint64_t connections);

}  // namespace preforkd

#endif
