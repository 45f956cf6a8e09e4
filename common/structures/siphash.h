// SipHash-2-4: a short keyed hash that cannot be forged without the key (Aumasson, Bernstein: "SipHash: a
// fast short-input PRF", 2012).
#ifndef PREFORKD_COMMON_STRUCTURES_SIPHASH_H_
#define PREFORKD_COMMON_STRUCTURES_SIPHASH_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace preforkd {

// k0 and k1 of the paper.
using SipKey = std::array<std::uint64_t, 2>;

// A key that nobody can guess. False: the kernel has no random bytes; errno says why.
[[nodiscard]] bool MakeRandom(SipKey& key);

// The hash of any bytes. The same on every machine with this byte order.
std::uint64_t SipHash(const SipKey& key, std::string_view bytes);

}  // namespace preforkd

#endif
