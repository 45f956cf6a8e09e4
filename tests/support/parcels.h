// Packs and unpacks parcels, as master and worker do at the two ends of a hand-over.
#ifndef PREFORKD_TESTS_SUPPORT_PARCELS_H_
#define PREFORKD_TESTS_SUPPORT_PARCELS_H_

#include <fcntl.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "common/wire/codec.h"

namespace preforkd::testing {

// A parcel with this number, as the master holds it. Its descriptor is that of no client.
inline PackedParcel MakeParcel(std::uint64_t id) {
  ParcelHead facts;
  facts.id = id;
  return {UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)), facts, SocketAddress{}};
}

// A parcel as the master holds it.
inline PackedParcel Pack(Parcel parcel, WireVersion version) {
  HandOver message{std::move(parcel)};
  std::string bytes;
  Encode(message, bytes, version);
  return {std::move(message.parcel.fd), bytes, std::move(message.parcel.heavy)};
}

// The parcel as a worker unpacks it. `version`: the one in which it was packed.
inline Parcel Unpack(PackedParcel parcel, WireVersion version = kWireVersion) {
  Result<MasterToWorker> message =
      DecodeForWorker(parcel.Message(), std::move(parcel.fd), version, std::move(parcel.heavy));
  return std::move(std::get<HandOver>(message.Value()).parcel);
}

}  // namespace preforkd::testing

#endif
