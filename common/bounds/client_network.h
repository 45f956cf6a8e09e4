// ClientNetwork: whom a bound by client address counts as one: an IPv4 address, or the /64 of an IPv6
// address, because one customer has at least that (RFC 6177) and could use a new address for each connection.
// Pure.
#ifndef PREFORKD_COMMON_BOUNDS_CLIENT_NETWORK_H_
#define PREFORKD_COMMON_BOUNDS_CLIENT_NETWORK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/net/address.h"
#include "common/structures/siphash.h"

namespace preforkd {

class ClientNetwork {
 public:
  // nullopt: a Unix socket, or an unknown peer: it is not bounded. An IPv4-mapped address counts as IPv4.
  static std::optional<ClientNetwork> Of(const SocketAddress& peer);

  // Nobody without the key can choose addresses whose hashes collide.
  [[nodiscard]] std::uint64_t Hash(const SipKey& key) const {
    return SipHash(key, std::string_view(bytes_.data(), size_));
  }
  // "192.0.2.1", "2001:db8:0:1::/64".
  [[nodiscard]] std::string Text() const;

 private:
  std::array<char, 8> bytes_{};
  std::size_t size_ = 0;  // 4 or 8
};

}  // namespace preforkd

#endif
