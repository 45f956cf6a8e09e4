#include "master/dispatch/connection_seals.h"

#include <array>
#include <cstring>

#include "common/base/check.h"

namespace preforkd {
namespace {

constexpr SipKey kNone{};
SipKey g_key = kNone;

}  // namespace

SipKey SealKey() {
  if (g_key == kNone) PF_CHECK(MakeRandom(g_key), "cannot get random bytes for the seal key");
  return g_key;
}

void RestoreSealKey(const SipKey& key) { g_key = key; }

void ForgetSealKey() { ::explicit_bzero(g_key.data(), sizeof(g_key)); }

std::uint64_t SealOf(const ParcelHead& parcel, std::uint64_t socket, std::uint64_t channel) {
  const std::array<std::uint64_t, 5> settled = {
      channel, socket, parcel.id, static_cast<std::uint64_t>(parcel.accepted_ns),
      std::uint64_t{parcel.tls} << 32 | std::uint64_t{parcel.listener} << 16 | parcel.service};
  return SipHash(SealKey(), {reinterpret_cast<const char*>(settled.data()), sizeof(settled)});
}

}  // namespace preforkd
