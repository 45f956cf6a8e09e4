// Parcel: a client connection that can travel. The one value type for it, in both directions.
//
// The holder of the Parcel owns the connection. A successful send transfers ownership to the channel, and the
// receiver gets it when it takes the message. In between only the kernel's queue holds it, and the master can
// always receive it back (reclaim).
#ifndef PREFORKD_COMMON_WIRE_PARCEL_H_
#define PREFORKD_COMMON_WIRE_PARCEL_H_

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/secret_bytes.h"
#include "common/base/unique_fd.h"
#include "common/net/address.h"

namespace preforkd {

// Numbers for names that outlive a generation: the master gives each service name and each listener address
// one number for as long as it runs, so a parcel means the same to an old worker and to a new one.
enum class ServiceId : std::uint16_t {};
enum class ListenerId : std::uint16_t {};

// How far the connection is on its way to TLS.
enum class TlsStage : std::uint8_t {
  kNone,          // plain
  kHandshakeDue,  // a gate is to make the handshake
  kEstablished,   // a worker goes on with the state of the records
  kGoodbyeDue,    // its idle time is over: a worker is to end the session in order
};
inline constexpr TlsStage kLastTlsStage = TlsStage::kGoodbyeDue;
// The parcel has keys.
inline bool HasSession(TlsStage stage) {
  return stage == TlsStage::kEstablished || stage == TlsStage::kGoodbyeDue;
}

struct Parcel {
  // Required.
  UniqueFd fd;
  ConnId id{};
  ListenerId listener{};
  ServiceId service{};
  SocketAddress peer;
  Time accepted_at{};
  bool proxy_header_due = false;  // a PROXY header comes before the client's first byte (worker/proxy)

  TlsStage tls = TlsStage::kNone;

  // Made by the master for one journey; no other process can make one (master/dispatch/connection_seals.h).
  std::uint64_t seal = 0;

  // Since accept, over all workers that have had it.
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint32_t journeys = 0;  // hand-overs that were taken
  std::uint32_t reclaims = 0;  // hand-overs that were reclaimed, or 65,535 of more

  // Its rhythm (worker/connection/parking/parking_rhythm.h): how long it stays in a worker while it is idle,
  // in whole milliseconds, 0: nothing is known; and when the master parked it after that time, zero if it did
  // not.
  Duration stay{0};
  Time parked_at{};

  // What the service needs to go on in another worker; empty for a fresh connection. The master never reads
  // it.
  std::string unread;   // bytes read from the client and not yet used
  std::string context;  // the service's own data; the service versions it
  // With kEstablished: keys, record numbers, and bytes of records that are not whole yet
  // (worker/connection/tls). Else empty.
  SecretBytes tls_state;
  // A file in memory that holds the unread bytes instead, if they are too many. Only for a connection that
  // goes to the next worker at once: parked ones would use two descriptors of the master.
  UniqueFd heavy;
};

// The maximum of unread plus context in the message. A session with more stays in its worker, unless it has
// work to do: then its unread bytes are heavy.
inline constexpr std::size_t kMaxParcelBytes = 48 * 1024;
// The maximum of tls_state.
inline constexpr std::size_t kMaxTlsBytes = 12 * 1024;
// Of the unread bytes then. Two loop threads copy them, some 20 ms each for so many.
inline constexpr std::size_t kMaxHeavyBytes = 64 * 1024 * 1024;

}  // namespace preforkd

#endif
