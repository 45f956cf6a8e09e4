#include "master/connection_seals.h"

#include <sys/random.h>

#include <array>
#include <cstring>

#include "common/base/check.h"
#include "common/net/socket_ops.h"

namespace preforkd {

ConnectionSeals::ConnectionSeals() {
  // So few bytes come whole, once the system has collected any at all, for which this waits (getrandom(2)).
  PF_CHECK(::getrandom(key_.data(), sizeof(key_), 0) == sizeof(key_), "no random bytes for the key of the seals");
}

std::uint64_t ConnectionSeals::SealOf(const Parcel& parcel) const {
  const std::array<std::uint64_t, 4> settled = {
      SocketCookie(parcel.fd.Get()), Raw(parcel.id), static_cast<std::uint64_t>(ToNanoseconds(parcel.accepted_at)),
      std::uint64_t{static_cast<std::uint16_t>(parcel.listener)} << 16 | static_cast<std::uint16_t>(parcel.service)};
  return SipHash(key_, {reinterpret_cast<const char*>(settled.data()), sizeof(settled)});
}

void ConnectionSeals::Seal(Parcel& parcel) const { parcel.seal = SealOf(parcel); }

bool ConnectionSeals::Fits(const Parcel& parcel) const { return parcel.seal == SealOf(parcel); }

void ConnectionSeals::Forget() { ::explicit_bzero(key_.data(), sizeof(key_)); }

}  // namespace preforkd
