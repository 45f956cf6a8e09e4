#include "common/net/network.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "common/text/quote.h"

namespace preforkd {
namespace {

constexpr std::size_t kMappedBits = 96;  // of ::ffff:0:0/96

std::size_t BitsOf(HostFamily family) {
  switch (family) {
    case HostFamily::kUnix: return 0;
    case HostFamily::kIPv4: return 32;
    case HostFamily::kIPv6: break;
  }
  return 128;
}

HostAddress FromIPv4(const void* bytes) {
  HostAddress host{HostFamily::kIPv4};
  std::memcpy(host.bytes.data(), bytes, sizeof(in_addr));
  return host;
}

HostAddress FromIPv6(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) return FromIPv4(&address.s6_addr[12]);
  HostAddress host{HostFamily::kIPv6};
  std::memcpy(host.bytes.data(), &address, sizeof(address));
  return host;
}

Error Wrong(std::string_view text, std::string_view why) {
  return Error{fmt::format("{} is not a network: {}", Quoted(text), why)};
}

struct Written {
  HostAddress host;
  bool mapped = false;  // IPv4, written as IPv6
};

std::optional<Written> ParseHost(const std::string& text) {
  in6_addr six{};
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) return Written{FromIPv4(&four)};
  if (::inet_pton(AF_INET6, text.c_str(), &six) != 1) return std::nullopt;
  return Written{FromIPv6(six), IN6_IS_ADDR_V4MAPPED(&six) != 0};
}

// nullopt: not a length that an address of that family has.
std::optional<std::size_t> ParseBits(std::string_view text, const Written& written) {
  const std::size_t most = BitsOf(written.host.family) + (written.mapped ? kMappedBits : 0);
  std::size_t bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size() || bits > most) return std::nullopt;
  if (!written.mapped) return bits;
  return bits < kMappedBits ? std::nullopt : std::optional(bits - kMappedBits);
}

}  // namespace

HostAddress HostAddress::Of(const SocketAddress& address) {
  if (address.Family() == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &address.storage, sizeof(four));
    return FromIPv4(&four.sin_addr);
  }
  if (address.Family() != AF_INET6) return {};
  sockaddr_in6 six{};
  std::memcpy(&six, &address.storage, sizeof(six));
  return FromIPv6(six.sin6_addr);
}

HostAddress HostAddress::Masked(std::size_t bits) const {
  HostAddress masked{family};
  for (std::size_t i = 0; i < bytes.size() && i * 8 < bits; ++i) {
    const std::size_t kept = std::min<std::size_t>(bits - i * 8, 8);
    masked.bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00U >> kept));
  }
  return masked;
}

HostAddress HostAddress::Client() const {
  constexpr std::size_t kCustomerBits = 64;
  return family == HostFamily::kIPv6 ? Masked(kCustomerBits) : *this;
}

std::string HostAddress::Text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(family == HostFamily::kIPv4 ? AF_INET : AF_INET6, bytes.data(), buffer.data(), buffer.size());
  return buffer.data();
}

Result<Network> ParseNetwork(std::string_view text) {
  constexpr const char* kExamples =
      "write one such as 10.0.0.0/8, 192.0.2.1, 2001:db8::/32, unix (clients of Unix sockets) or all";
  if (text == "all") return Network{{}, 0, true};
  if (text == "unix") return Network{};
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  // A NUL would end the text for inet_pton(3).
  const std::optional<Written> written =
      address.find('\0') == std::string::npos ? ParseHost(address) : std::nullopt;
  if (!written) return Wrong(text, kExamples);
  Network network{written->host, BitsOf(written->host.family)};
  if (slash == std::string_view::npos) return network;
  const std::optional<std::size_t> bits = ParseBits(text.substr(slash + 1), *written);
  if (!bits) {
    const bool four = written->host.family == HostFamily::kIPv4;
    return Wrong(text, fmt::format("its length must be {} behind the '/', such as {}",
                                   written->mapped ? "96 to 128"
                                   : four          ? "0 to 32"
                                                   : "0 to 128",
                                   four ? "10.0.0.0/8" : "2001:db8::/32"));
  }
  network.first = written->host.Masked(*bits);
  network.bits = *bits;
  if (network.first == written->host) return network;
  return Wrong(text,
               fmt::format("the address has bits behind the prefix; write {}/{} for the network, or {} for "
                           "the one address",
                           network.first.Text(), *bits, written->host.Text()));
}

NetworkRules::NetworkRules(const std::vector<std::string>& allow, const std::vector<std::string>& deny)
    : default_allows_(allow.empty()) {
  for (const std::string& text : allow) Add(ParseNetwork(text).Value(), true);
  for (const std::string& text : deny) Add(ParseNetwork(text).Value(), false);
}

void NetworkRules::Add(const Network& network, bool allows) {
  if (network.all) {
    // The shortest prefix there is. Those that deny come last.
    default_allows_ = allows;
    return;
  }
  const auto order = [](HostFamily family, std::size_t bits) { return std::tuple(family, 128 - bits); };
  const auto wanted = order(network.first.family, network.bits);
  auto group = std::find_if(groups_.begin(), groups_.end(),
                            [&](const Group& each) { return order(each.family, each.bits) >= wanted; });
  if (group == groups_.end() || order(group->family, group->bits) != wanted)
    group = groups_.insert(group, {network.first.family, network.bits, {}});
  auto& networks = group->networks;
  const auto place =
      std::lower_bound(networks.begin(), networks.end(), network.first,
                       [](const auto& each, const HostAddress& first) { return each.first < first; });
  if (place != networks.end() && place->first == network.first) {
    place->second = place->second && allows;
  } else {
    networks.insert(place, {network.first, allows});
  }
}

bool NetworkRules::Allows(const HostAddress& host) const {
  for (const Group& group : groups_) {
    if (group.family != host.family) continue;
    const HostAddress first = host.Masked(group.bits);
    const auto found =
        std::lower_bound(group.networks.begin(), group.networks.end(), first,
                         [](const auto& each, const HostAddress& wanted) { return each.first < wanted; });
    if (found != group.networks.end() && found->first == first) return found->second;
  }
  return default_allows_;
}

}  // namespace preforkd
