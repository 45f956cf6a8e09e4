#include "common/bounds/client_network.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <cstring>

namespace preforkd {

std::optional<ClientNetwork> ClientNetwork::Of(const SocketAddress& peer) {
  ClientNetwork network;
  if (peer.Family() == AF_INET) {
    sockaddr_in typed{};
    std::memcpy(&typed, &peer.storage, sizeof(typed));
    network.size_ = sizeof(typed.sin_addr);
    std::memcpy(network.bytes_.data(), &typed.sin_addr, network.size_);
    return network;
  }
  if (peer.Family() != AF_INET6) return std::nullopt;
  sockaddr_in6 typed{};
  std::memcpy(&typed, &peer.storage, sizeof(typed));
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&typed.sin6_addr);
  network.size_ = mapped ? sizeof(in_addr) : 8;
  std::memcpy(network.bytes_.data(), &typed.sin6_addr.s6_addr[mapped ? 12 : 0], network.size_);
  return network;
}

std::string ClientNetwork::Text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (size_ == sizeof(in_addr)) {
    ::inet_ntop(AF_INET, bytes_.data(), text.data(), text.size());
    return text.data();
  }
  in6_addr whole{};
  std::memcpy(&whole, bytes_.data(), size_);
  ::inet_ntop(AF_INET6, &whole, text.data(), text.size());
  return fmt::format("{}/64", text.data());
}

}  // namespace preforkd
