#include "common/bounds/client_network.h"

#include <fmt/core.h>

#include <cstddef>

namespace preforkd {

std::optional<ClientNetwork> ClientNetwork::Of(const SocketAddress& peer) {
  const HostAddress host = HostAddress::Of(peer);
  if (host.family == HostFamily::kUnix) return std::nullopt;
  return ClientNetwork(host.Client());
}

std::uint64_t ClientNetwork::Hash(const SipKey& key) const {
  const std::size_t size = client_.family == HostFamily::kIPv4 ? 4 : 8;
  return SipHash(key, {reinterpret_cast<const char*>(client_.bytes.data()), size});
}

std::string ClientNetwork::Text() const {
  return client_.family == HostFamily::kIPv4 ? client_.Text() : fmt::format("{}/64", client_.Text());
}

}  // namespace preforkd
