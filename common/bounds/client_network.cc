#include "common/bounds/client_network.h"

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace preforkd {

std::optional<ClientNetwork> ClientNetwork::Of(const SocketAddress& peer) {
  const HostAddress host = HostAddress::Of(peer);
  if (host.family == HostFamily::kUnix) return std::nullopt;
  return ClientNetwork(host.Client());
}

// Of different length for each family, with and without a rule.
std::uint64_t ClientNetwork::Hash(const SipKey& key, std::optional<std::uint16_t> rule) const {
  std::array<char, 8 + sizeof(*rule)> bytes{};
  std::size_t size = client_.family == HostFamily::kIPv4 ? 4 : 8;
  std::memcpy(bytes.data(), client_.bytes.data(), size);
  if (rule) {
    std::memcpy(bytes.data() + size, &*rule, sizeof(*rule));
    size += sizeof(*rule);
  }
  return SipHash(key, {bytes.data(), size});
}

std::string ClientNetwork::Text() const {
  return client_.family == HostFamily::kIPv4 ? client_.Text() : fmt::format("{}/64", client_.Text());
}

}  // namespace preforkd
