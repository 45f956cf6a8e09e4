// Networks as text, and lists of them that allow and deny, against a plain reading of the rules.
#include "common/net/network.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <netinet/in.h>

#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace preforkd::testing {
namespace {

HostAddress Host(const std::string& text) {
  SocketAddress address;
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    std::memcpy(&address.storage, &four, sizeof(four));
    address.length = sizeof(four);
  } else if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    std::memcpy(&address.storage, &six, sizeof(six));
    address.length = sizeof(six);
  }
  return HostAddress::Of(address);
}

bool Has(const std::string& network, const std::string& host) {
  const Result<Network> parsed = ParseNetwork(network);
  REQUIRE_MESSAGE(parsed.Ok(), network);
  return parsed.Value().Has(Host(host));
}

TEST_CASE("what is in a network") {
  CHECK(Has("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(Has("10.0.0.0/8", "11.0.0.0"));
  CHECK(Has("192.0.2.1", "192.0.2.1"));
  CHECK(Has("192.0.2.1/32", "192.0.2.1"));
  CHECK_FALSE(Has("192.0.2.1", "192.0.2.0"));
  CHECK(Has("192.0.2.128/25", "192.0.2.255"));
  CHECK_FALSE(Has("192.0.2.128/25", "192.0.2.127"));
  CHECK(Has("0.0.0.0/0", "8.8.8.8"));
  CHECK(Has("2001:db8::/32", "2001:db8:ffff::1"));
  CHECK_FALSE(Has("2001:db8::/32", "2001:db9::"));
  CHECK(Has("2001:db8::/33", "2001:db8:7fff::"));
  CHECK_FALSE(Has("2001:db8::/33", "2001:db8:8000::"));
  CHECK(Has("::1", "::1"));
  CHECK(Has("::/0", "2001::"));
}

TEST_CASE("a mapped address is IPv4, and a network has addresses of its own family only") {
  CHECK(Has("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK(Has("::ffff:10.0.0.0/104", "10.1.2.3"));
  CHECK(Has("::ffff:10.1.2.3", "::ffff:10.1.2.3"));
  CHECK(ParseNetwork("::ffff:10.0.0.0/104").Value() == ParseNetwork("10.0.0.0/8").Value());
  CHECK_FALSE(Has("::/0", "10.1.2.3"));
  CHECK_FALSE(Has("::/0", "::ffff:10.1.2.3"));
  CHECK_FALSE(Has("0.0.0.0/0", "::1"));
  CHECK(Has("unix", ""));
  CHECK_FALSE(Has("unix", "127.0.0.1"));
  CHECK_FALSE(Has("unix", "::"));
  CHECK_FALSE(Has("0.0.0.0/0", ""));
  CHECK_FALSE(Has("::/0", ""));
  for (const char* host : {"", "1.2.3.4", "::1", "::ffff:1.2.3.4"}) CHECK(Has("all", host));
}

TEST_CASE("what is not a network, and what to write instead") {
  struct Row {
    std::string text;
    const char* says;
  };
  for (const Row& row : std::vector<Row>{
           {"", "write one such as 10.0.0.0/8"},
           {"example.org", "'example.org' is not a network: write one such as"},
           {"10.0.0", "write one such as"},
           {"10.0.0.0.0", "write one such as"},
           {"10.0.0.00/8", "write one such as"},
           {" 10.0.0.0/8", "write one such as"},
           {"10.0.0.0/8 ", "its length must be 0 to 32"},
           {"10.0.0.0/", "its length must be 0 to 32 behind the '/', such as 10.0.0.0/8"},
           {"10.0.0.0/33", "its length must be 0 to 32"},
           {"10.0.0.0/-1", "its length must be 0 to 32"},
           {"10.0.0.0/255.0.0.0", "its length must be 0 to 32"},
           {"10.0.0.0/99999999999999999999999", "its length must be 0 to 32"},
           {"2001:db8::/129", "its length must be 0 to 128 behind the '/', such as 2001:db8::/32"},
           {"::ffff:10.0.0.0/8", "its length must be 96 to 128"},
           {"[::1]", "write one such as"},
           {"fe80::1%eth0", "write one such as"},
           {"127.0.0.1:80", "write one such as"},
           {"10.0.0.1/8", "write 10.0.0.0/8 for the network, or 10.0.0.1 for the one address"},
           {"0.0.0.1/0", "write 0.0.0.0/0 for the network"},
           {"2001:db8::1/32", "write 2001:db8::/32 for the network, or 2001:db8::1 for the one address"},
           {"::ffff:10.0.0.1/104", "write 10.0.0.0/8 for the network, or 10.0.0.1 for the one address"},
           {"Unix", "write one such as"},
           {"ALL", "write one such as"},
           {std::string("10.0.0.0\0/8", 11), "write one such as"},
       }) {
    CAPTURE(row.text);
    const Result<Network> parsed = ParseNetwork(row.text);
    REQUIRE_FALSE(parsed.Ok());
    CAPTURE(parsed.Err().text);
    CHECK(parsed.Err().text.find(row.says) != std::string::npos);
  }
}

TEST_CASE("the longest prefix decides, the same prefix denies, and a list of allowed ones is complete") {
  const NetworkRules none;
  CHECK(none.AllowAll());
  CHECK(none.Allows(Host("1.2.3.4")));
  const NetworkRules denied({}, {"10.0.0.0/8", "unix"});
  CHECK_FALSE(denied.AllowAll());
  CHECK_FALSE(denied.Allows(Host("10.1.1.1")));
  CHECK_FALSE(denied.Allows(Host("")));
  CHECK(denied.Allows(Host("11.1.1.1")));
  CHECK(denied.Allows(Host("::1")));
  const NetworkRules holes({"10.0.0.0/8", "10.1.2.0/24"}, {"10.1.0.0/16", "10.1.2.3"});
  CHECK(holes.Allows(Host("10.0.0.1")));
  CHECK_FALSE(holes.Allows(Host("10.1.0.1")));
  CHECK(holes.Allows(Host("10.1.2.4")));
  CHECK_FALSE(holes.Allows(Host("10.1.2.3")));
  CHECK_FALSE(holes.Allows(Host("192.0.2.1")));
  CHECK_FALSE(holes.Allows(Host("::1")));
  CHECK_FALSE(holes.Allows(Host("")));
  CHECK_FALSE(NetworkRules({"10.0.0.0/8"}, {"10.0.0.0/8"}).Allows(Host("10.0.0.1")));
  const NetworkRules only({"10.0.0.0/8"}, {"all"});
  CHECK(only.Allows(Host("10.0.0.1")));
  CHECK_FALSE(only.Allows(Host("::1")));
  const NetworkRules but({"all"}, {"10.0.0.0/8"});
  CHECK_FALSE(but.Allows(Host("10.0.0.1")));
  CHECK(but.Allows(Host("::1")));
  CHECK(but.Allows(Host("")));
  CHECK_FALSE(NetworkRules({"all"}, {"all"}).Allows(Host("::1")));
}

// ---- against a plain reading ----

// Few addresses and lengths that lie close together, so that prefixes contain one another.
std::string RandomHost(std::mt19937& random) {
  const auto byte = [&] { return std::vector<unsigned>{0, 1, 127, 128, 129, 192, 255}[random() % 7]; };
  switch (random() % 4) {
    case 0: return fmt::format("10.{}.{}.{}", byte(), byte(), byte());
    case 1: return fmt::format("::ffff:10.{}.{}.{}", byte(), byte(), byte());
    case 2: return fmt::format("2001:{:x}::{:x}", byte(), byte());
    default: return "";
  }
}

std::string RandomNetwork(std::mt19937& random) {
  const HostAddress host = Host(RandomHost(random));
  if (host.family == HostFamily::kUnix) return random() % 4 == 0 ? "all" : "unix";
  const bool four = host.family == HostFamily::kIPv4;
  const std::size_t bits = random() % (four ? 33 : 129);
  std::array<char, INET6_ADDRSTRLEN> text{};
  const HostAddress first = host.Masked(bits);
  ::inet_ntop(four ? AF_INET : AF_INET6, first.bytes.data(), text.data(), text.size());
  return fmt::format("{}/{}", text.data(), bits);
}

// Bit by bit.
std::optional<int> LengthOfMatch(const Network& network, const HostAddress& host) {
  if (network.all) return -1;
  if (network.first.family != host.family) return std::nullopt;
  for (std::size_t i = 0; i < network.bits; ++i) {
    const auto bit = [i](const HostAddress& of) { return of.bytes[i / 8] >> (7 - i % 8) & 1; };
    if (bit(network.first) != bit(host)) return std::nullopt;
  }
  return static_cast<int>(network.bits);
}

bool PlainlyAllows(const std::vector<std::string>& allow, const std::vector<std::string>& deny,
                   const HostAddress& host) {
  const auto longest = [&](const std::vector<std::string>& list) {
    std::optional<int> best;
    for (const std::string& text : list) {
      const std::optional<int> length = LengthOfMatch(ParseNetwork(text).Value(), host);
      if (length && (!best || *length > *best)) best = length;
    }
    return best;
  };
  const std::optional<int> allowed = longest(allow);
  const std::optional<int> denied = longest(deny);
  if (!allowed && !denied) return allow.empty();
  return allowed && (!denied || *allowed > *denied);
}

TEST_CASE("two thousand random lists") {
  std::mt19937 random(20261127);
  int allowed = 0;
  int denied = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> allow;
    std::vector<std::string> deny;
    for (std::size_t i = random() % 8; i > 0; --i) allow.push_back(RandomNetwork(random));
    for (std::size_t i = random() % 8; i > 0; --i) deny.push_back(RandomNetwork(random));
    const NetworkRules rules(allow, deny);
    for (int i = 0; i < 50; ++i) {
      const std::string text = RandomHost(random);
      const HostAddress host = Host(text);
      const bool expected = PlainlyAllows(allow, deny, host);
      CAPTURE(round);
      CAPTURE(text);
      REQUIRE(rules.Allows(host) == expected);
      ++(expected ? allowed : denied);
    }
  }
  CHECK(allowed > 10000);
  CHECK(denied > 10000);
}

}  // namespace
}  // namespace preforkd::testing
