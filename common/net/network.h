// Networks: prefixes of addresses ("10.0.0.0/8", "2001:db8::/32"), and lists of them that allow and deny.
// Plain values; no socket is used here.
//
// An IPv4 address that is mapped into IPv6 ("::ffff:10.0.0.1") is that IPv4 address. Otherwise no network of
// one family has an address of the other: "::/0" is all of IPv6, and "all" is everything.
#ifndef PREFORKD_COMMON_NET_NETWORK_H_
#define PREFORKD_COMMON_NET_NETWORK_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/address.h"

namespace preforkd {

enum class HostFamily : std::uint8_t { kUnix, kIPv4, kIPv6 };

// A peer without its port. An unknown address is one of an unnamed Unix socket.
struct HostAddress {
  HostFamily family = HostFamily::kUnix;
  std::array<std::uint8_t, 16> bytes{};  // of IPv4 the first four; of a Unix socket none

  static HostAddress Of(const SocketAddress& address);
  // The first `bits`; the others are 0.
  [[nodiscard]] HostAddress Masked(std::size_t bits) const;
  // Whom to count as one client: an IPv4 address, or the /64 of an IPv6 address, because one customer has at
  // least that (RFC 6177) and could use a new address for each connection.
  [[nodiscard]] HostAddress Client() const;
  // "192.0.2.1", "2001:db8::1". Precondition: it is not one of a Unix socket.
  [[nodiscard]] std::string Text() const;

  auto operator<=>(const HostAddress&) const = default;
};

struct Network {
  HostAddress first;     // the bits behind the prefix are 0
  std::size_t bits = 0;  // of the prefix
  bool all = false;      // every address of every family

  [[nodiscard]] bool Has(const HostAddress& host) const {
    return all || (host.family == first.family && host.Masked(bits) == first);
  }

  bool operator==(const Network&) const = default;
};

// "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "unix" (the clients of Unix sockets) or "all". The error says
// what is wrong and what to write instead.
Result<Network> ParseNetwork(std::string_view text);

// Whose requests are allowed: the longest prefix that has the address decides; if it is in both lists, it
// denies. An address that no prefix has is allowed, unless anything is in the list of those that are allowed.
class NetworkRules {
 public:
  NetworkRules() = default;
  // Precondition: ParseNetwork() accepts each text.
  NetworkRules(const std::vector<std::string>& allow, const std::vector<std::string>& deny);

  // Allocates nothing.
  [[nodiscard]] bool Allows(const HostAddress& host) const;
  [[nodiscard]] bool AllowAll() const { return groups_.empty() && default_allows_; }

 private:
  // All networks of one family and length, in order.
  struct Group {
    HostFamily family;
    std::size_t bits;
    std::vector<std::pair<HostAddress, bool>> networks;  // whether it allows
  };

  void Add(const Network& network, bool allows);

  std::vector<Group> groups_;  // of each family the longest prefixes first
  bool default_allows_ = true;
};

}  // namespace preforkd

#endif
