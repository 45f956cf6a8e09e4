// Text to address and back. Numeric addresses only: a host name would need the resolver, which blocks and may
// answer differently at the next reload.
#include "common/net/address.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

#include "common/text/quote.h"

namespace preforkd {
namespace {

constexpr std::size_t kUnixHeader = offsetof(sockaddr_un, sun_path);
// A path needs its terminating NUL, an abstract name its leading one: 107 characters either way.
constexpr std::size_t kMaxUnixName = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kMaxSystemdName = 255;  // sd_listen_fds_with_names(3)

// sockaddr_storage may not be read through a pointer to another type. The compiler optimizes this copy away.
template <typename T>
T CopyOut(const SocketAddress& address) {
  T typed{};
  std::memcpy(&typed, &address.storage, sizeof(typed));
  return typed;
}

template <typename T>
SocketAddress Pack(const T& typed, std::size_t length) {
  SocketAddress address;
  std::memcpy(&address.storage, &typed, sizeof(typed));
  address.length = static_cast<socklen_t>(length);
  return address;
}

std::string IPv4Text(const in_addr& host, std::uint16_t port) {
  std::array<char, INET_ADDRSTRLEN> buffer{};
  ::inet_ntop(AF_INET, &host, buffer.data(), buffer.size());
  return fmt::format("{}:{}", buffer.data(), port);
}

std::string IPv6Text(const sockaddr_in6& typed) {
  const std::uint16_t port = ntohs(typed.sin6_port);
  if (IN6_IS_ADDR_V4MAPPED(&typed.sin6_addr)) {
    in_addr host{};
    std::memcpy(&host, &typed.sin6_addr.s6_addr[12], sizeof(host));
    return IPv4Text(host, port);
  }
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(AF_INET6, &typed.sin6_addr, buffer.data(), buffer.size());
  return fmt::format("[{}]:{}", buffer.data(), port);
}

std::string UnixText(const SocketAddress& address) {
  const auto typed = CopyOut<sockaddr_un>(address);
  if (address.length <= kUnixHeader) return "unix:";
  // A misbehaving worker may have sent a length beyond the structure.
  const std::size_t size = std::min<std::size_t>(address.length - kUnixHeader, sizeof(typed.sun_path));
  const std::string_view name(typed.sun_path, size);
  if (name.front() == '\0') return fmt::format("unix:@{}", name.substr(1));
  return fmt::format("unix:{}", name.substr(0, name.find('\0')));
}

Error Wrong(std::string_view text, std::string_view why) {
  return Error{fmt::format("{} is not an address: {}", Quoted(text), why)};
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

ListenAddress Named(ListenAddress::Kind kind, std::string_view text, std::string_view name) {
  ListenAddress listen;
  listen.kind = kind;
  listen.name = name;
  listen.text = text;
  return listen;
}

Result<ListenAddress> NamedUnix(std::string_view text, std::string_view name, bool abstract) {
  if (name.find('\0') != std::string_view::npos) return Wrong(text, "it contains a NUL byte; remove it");
  if (name.size() > kMaxUnixName) {
    return Wrong(text, fmt::format("the name has {} bytes, and the maximum of a Unix socket is {}",
                                   name.size(), kMaxUnixName));
  }
  sockaddr_un typed{};
  typed.sun_family = AF_UNIX;
  std::memcpy(typed.sun_path, name.data(), name.size());
  if (abstract) typed.sun_path[0] = '\0';
  // The length of an abstract address includes no terminator: every byte belongs to the name.
  ListenAddress listen = Named(ListenAddress::Kind::kUnix, text, name);
  listen.address = Pack(typed, kUnixHeader + name.size() + (abstract ? 0 : 1));
  return listen;
}

Result<ListenAddress> ParseUnix(std::string_view text, std::string_view name) {
  if (name.size() < 2 || (name.front() != '/' && name.front() != '@')) {
    return Wrong(text, "write unix:/absolute/path, or unix:@name for an abstract one");
  }
  return NamedUnix(text, name, name.front() == '@');
}

Result<ListenAddress> ParseSystemd(std::string_view text, std::string_view name) {
  if (name.empty() || name.size() > kMaxSystemdName || name.find(':') != std::string_view::npos) {
    return Wrong(text, "write systemd:NAME with the FileDescriptorName= of the socket unit");
  }
  return Named(ListenAddress::Kind::kSystemd, text, name);
}

Result<SocketAddress> ParseIPv6(std::string_view text, std::string_view host, std::uint16_t port) {
  sockaddr_in6 typed{};
  typed.sin6_family = AF_INET6;
  typed.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, std::string(host).c_str(), &typed.sin6_addr) != 1) {
    return Wrong(text,
                 fmt::format("{} is not a numeric IPv6 address; write one such as [::1]:8080", Quoted(host)));
  }
  // The socket is IPv6 only, and the kernel refuses to bind such an address to it.
  if (IN6_IS_ADDR_V4MAPPED(&typed.sin6_addr)) {
    return Wrong(text, "it is an IPv4 address written as IPv6; write it as IPv4, such as 127.0.0.1:8080");
  }
  return Pack(typed, sizeof(typed));
}

Result<SocketAddress> ParseIPv4(std::string_view text, std::string_view host, std::uint16_t port) {
  sockaddr_in typed{};
  typed.sin_family = AF_INET;
  typed.sin_port = htons(port);
  if (host.find(':') != std::string_view::npos) {
    return Wrong(text, "an IPv6 address must be in brackets, such as [::1]:8080");
  }
  if (host == "*") return Wrong(text, fmt::format("for all addresses write :{}", port));
  if (::inet_pton(AF_INET, std::string(host).c_str(), &typed.sin_addr) != 1) {
    return Wrong(text,
                 fmt::format("{} is not a numeric address; write one such as 127.0.0.1:8080", Quoted(host)));
  }
  return Pack(typed, sizeof(typed));
}

Result<SocketAddress> ParseHost(std::string_view text, std::string_view host, std::uint16_t port) {
  if (host.empty()) return ParseIPv6(text, "::", port);
  if (host.front() != '[') return ParseIPv4(text, host, port);
  if (host.size() < 2 || host.back() != ']') {
    return Wrong(text, "the bracket is not closed before the port; write it such as [::1]:8080");
  }
  return ParseIPv6(text, host.substr(1, host.size() - 2), port);
}

Result<ListenAddress> ParseTcp(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.back() == ']') {
    return Wrong(text, "it has no port; write one such as 127.0.0.1:8080, :8080 or unix:/path");
  }
  const std::string_view host = text.substr(0, colon);
  const std::optional<std::uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port) {
    return Wrong(text,
                 fmt::format("{} is not a port; write a number, 0 to 65535", Quoted(text.substr(colon + 1))));
  }
  Result<SocketAddress> address = ParseHost(text, host, *port);
  if (!address.Ok()) return address.Err();
  ListenAddress listen = Named(ListenAddress::Kind::kTcp, text, {});
  listen.address = address.Value();
  listen.dual_stack = host.empty();
  return listen;
}

}  // namespace

std::uint16_t SocketAddress::Port() const {
  if (Family() == AF_INET) return ntohs(CopyOut<sockaddr_in>(*this).sin_port);
  if (Family() == AF_INET6) return ntohs(CopyOut<sockaddr_in6>(*this).sin6_port);
  return 0;
}

std::string SocketAddress::Text() const {
  switch (Family()) {
    case AF_INET: {
      const auto typed = CopyOut<sockaddr_in>(*this);
      return IPv4Text(typed.sin_addr, ntohs(typed.sin_port));
    }
    case AF_INET6: return IPv6Text(CopyOut<sockaddr_in6>(*this));
    case AF_UNIX:
    case AF_UNSPEC:  // accept4 of an unnamed Unix client leaves the length 0
      return UnixText(*this);
    default: return fmt::format("family {}", Family());
  }
}

std::size_t SocketAddress::PrintHost(std::span<char> room) const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  std::string_view host = "unix:";
  if (Family() == AF_INET) {
    const auto typed = CopyOut<sockaddr_in>(*this);
    host = ::inet_ntop(AF_INET, &typed.sin_addr, buffer.data(), buffer.size());
  } else if (Family() == AF_INET6) {
    const auto typed = CopyOut<sockaddr_in6>(*this);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&typed.sin6_addr);
    host = ::inet_ntop(mapped ? AF_INET : AF_INET6, &typed.sin6_addr.s6_addr[mapped ? 12 : 0], buffer.data(),
                       buffer.size());
  }
  const std::size_t size = std::min(host.size(), room.size());
  std::memcpy(room.data(), host.data(), size);
  return size;
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

Result<ListenAddress> SocketPath(std::string_view path) {
  if (path.empty()) return Wrong(path, "write a path");
  return NamedUnix(path, path, false);
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  constexpr std::string_view kUnixPrefix = "unix:";
  constexpr std::string_view kSystemdPrefix = "systemd:";
  if (text.starts_with(kUnixPrefix)) return ParseUnix(text, text.substr(kUnixPrefix.size()));
  if (text.starts_with(kSystemdPrefix)) return ParseSystemd(text, text.substr(kSystemdPrefix.size()));
  return ParseTcp(text);
}

}  // namespace preforkd
