// Parcel: a client connection that can travel. The one value type for it, in both directions.
//
// Whoever holds the Parcel owns the connection. Sending one hands the ownership to the channel at the moment
// in which the send succeeds, and to the receiver when it takes the message; in between it belongs to nobody
// but the kernel's queue, which the master can always receive from (reclaim).
#ifndef PREFORKD_COMMON_WIRE_PARCEL_H_
#define PREFORKD_COMMON_WIRE_PARCEL_H_

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/unique_fd.h"
#include "common/net/address.h"

namespace preforkd {

// Numbers for names that outlive a generation: the master gives each service name and each listener address
// one number for its whole life, so a parcel means the same to an old worker and to a new one.
enum class ServiceId : std::uint16_t {};
enum class ListenerId : std::uint16_t {};

struct Parcel {
  // Required.
  UniqueFd fd;
  ConnId id{};
  ListenerId listener{};
  ServiceId service{};
  SocketAddress peer;
  Time accepted_at{};
  bool proxy_header_due = false;  // a proxy's header comes before the client's first byte (worker/proxy)

  std::uint64_t seal =
      0;  // the master's, for one journey; nobody else can make one (master/dispatch/connection_seals.h)

  // Since accept, over all workers that have had it.
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint32_t journeys = 0;  // hand-overs that were taken
  std::uint32_t reclaims = 0;  // hand-overs that were not

  // What the service needs to go on elsewhere; empty for a fresh connection. The master never looks inside.
  std::string unread;   // bytes read from the client and not yet used
  std::string context;  // the service's own, versioned by the service
};

// What a travelling parcel may weigh besides its fixed fields; more, and it stays where it is.
inline constexpr std::size_t kMaxParcelBytes = 48 * 1024;

}  // namespace preforkd

#endif
