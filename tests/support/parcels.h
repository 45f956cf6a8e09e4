// Parcels packed and unpacked, as the master and the worker at either end of a hand-over do it.
#ifndef PREFORKD_TESTS_SUPPORT_PARCELS_H_
#define PREFORKD_TESTS_SUPPORT_PARCELS_H_

#include <string>
#include <utility>
#include <variant>

#include "common/wire/codec.h"

namespace preforkd {

// A parcel as the master holds it.
inline PackedParcel Pack(Parcel parcel, WireVersion version) {
  UniqueFd fd = std::move(parcel.fd);
  std::string bytes;
  Encode(HandOver{std::move(parcel)}, bytes, version);
  return {std::move(fd), bytes};
}

// The parcel that a worker makes of it. `version`: that in which it was packed.
inline Parcel Unpack(PackedParcel parcel, WireVersion version = kWireVersion) {
  Result<MasterToWorker> message = DecodeForWorker(parcel.Message(), std::move(parcel.fd), version);
  return std::move(std::get<HandOver>(message.Value()).parcel);
}

}  // namespace preforkd

#endif
