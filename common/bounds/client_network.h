// ClientNetwork: whom a bound by client address counts as one (HostAddress::Client). Pure.
#ifndef PREFORKD_COMMON_BOUNDS_CLIENT_NETWORK_H_
#define PREFORKD_COMMON_BOUNDS_CLIENT_NETWORK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "common/net/address.h"
#include "common/net/network.h"
#include "common/structures/siphash.h"

namespace preforkd {

class ClientNetwork {
 public:
  // nullopt: a Unix socket, or an unknown peer: it is not bounded. An IPv4-mapped address counts as IPv4.
  static std::optional<ClientNetwork> Of(const SocketAddress& peer);

  // Nobody without the key can choose addresses whose hashes collide. `rule`: what counts it by itself;
  // nullopt: what counts it once for the whole server.
  [[nodiscard]] std::uint64_t Hash(const SipKey& key, std::optional<std::uint16_t> rule = {}) const;
  // "192.0.2.1", "2001:db8:0:1::/64".
  [[nodiscard]] std::string Text() const;

 private:
  explicit ClientNetwork(const HostAddress& client) : client_(client) {}

  HostAddress client_;
};

}  // namespace preforkd

#endif
