// Addresses as text and back.
#include "common/net/address.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <string>

namespace preforkd::testing {
namespace {

ListenAddress Parsed(const std::string& text) {
  const Result<ListenAddress> result = ParseListenAddress(text);
  REQUIRE_MESSAGE(result.Ok(), text);
  CHECK(result.Value().text == text);
  return result.Value();
}

TEST_CASE("an IPv4 address and its port") {
  const ListenAddress listen = Parsed("127.0.0.1:8080");
  CHECK(listen.kind == ListenAddress::Kind::kTcp);
  CHECK(listen.address.Family() == AF_INET);
  CHECK(listen.address.Port() == 8080);
  CHECK(listen.address.length == sizeof(sockaddr_in));
  CHECK_FALSE(listen.dual_stack);
  CHECK(listen.address.Text() == "127.0.0.1:8080");
}

TEST_CASE("brackets mean IPv6 only, no host means both families") {
  const ListenAddress only = Parsed("[::]:80");
  CHECK(only.address.Family() == AF_INET6);
  CHECK_FALSE(only.dual_stack);
  const ListenAddress both = Parsed(":80");
  CHECK(both.address == only.address);
  CHECK(both.dual_stack);
  CHECK(both.address.Text() == "[::]:80");
  CHECK_FALSE(both == only);
}

TEST_CASE("port 0 and port 65535 are ports") {
  CHECK(Parsed("127.0.0.1:0").address.Port() == 0);
  CHECK(Parsed("[::1]:65535").address.Port() == 65535);
}

TEST_CASE("an IPv4 client of a dual stack socket is shown as IPv4") {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(443);
  const unsigned char bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
  std::memcpy(&mapped.sin6_addr, bytes, sizeof(bytes));
  SocketAddress address;
  std::memcpy(&address.storage, &mapped, sizeof(mapped));
  address.length = sizeof(mapped);
  CHECK(address.Text() == "192.0.2.7:443");
}

TEST_CASE("a Unix path is terminated, an abstract name is not") {
  const ListenAddress path = Parsed("unix:/run/x.sock");
  CHECK(path.kind == ListenAddress::Kind::kUnix);
  CHECK(path.name == "/run/x.sock");
  CHECK(path.address.Family() == AF_UNIX);
  CHECK(path.address.Port() == 0);
  CHECK(path.address.length == offsetof(sockaddr_un, sun_path) + path.name.size() + 1);
  CHECK(path.address.Text() == "unix:/run/x.sock");

  const ListenAddress abstract = Parsed("unix:@x");
  CHECK(abstract.name == "@x");
  CHECK(abstract.address.length == offsetof(sockaddr_un, sun_path) + 2);
  CHECK(abstract.address.Text() == "unix:@x");
}

TEST_CASE("a Unix name has at most 107 bytes") {
  for (const char first : {'/', '@'}) {
    const std::string name = first + std::string(106, 'a');
    CHECK(Parsed("unix:" + name).address.Text() == "unix:" + name);
    CHECK_FALSE(ParseListenAddress("unix:" + name + "a").Ok());
  }
}

TEST_CASE("an unknown peer and an unnamed Unix peer") {
  SocketAddress address;
  CHECK(address.Family() == AF_UNSPEC);
  CHECK(address.Text() == "unix:");
  address.storage.ss_family = AF_UNIX;
  address.length = sizeof(sa_family_t);
  CHECK(address.Text() == "unix:");
}

TEST_CASE("a socket of systemd has a name") {
  const ListenAddress listen = Parsed("systemd:web");
  CHECK(listen.kind == ListenAddress::Kind::kSystemd);
  CHECK(listen.name == "web");
}

TEST_CASE("addresses are compared by their bytes") {
  CHECK(Parsed("[::1]:80").address == Parsed("[0:0::1]:80").address);
  CHECK_FALSE(Parsed("[::1]:80").address == Parsed("[::1]:81").address);
  CHECK_FALSE(Parsed("unix:/a").address == Parsed("unix:/b").address);
  CHECK_FALSE(Parsed("127.0.0.1:80").address == Parsed("[::1]:80").address);
}

struct Wrong {
  std::string text;
  const char* says;
};

TEST_CASE("an error names the mistake, and what to write instead") {
  const Wrong cases[] = {
      {"", "it has no port; write one such as"},
      {"8080", "it has no port; write one such as"},
      {"127.0.0.1", "it has no port"},
      {"[::1]", "it has no port"},
      {"127.0.0.1:", "'' is not a port; write a number, 0 to 65535"},
      {"127.0.0.1:http", "'http' is not a port"},
      {"127.0.0.1:65536", "'65536' is not a port"},
      {"127.0.0.1:-1", "'-1' is not a port"},
      {"127.0.0.1:+1", "'+1' is not a port"},
      {"127.0.0.1: 80", "' 80' is not a port"},
      {"127.0.0.1:80 ", "'80 ' is not a port"},
      {"localhost:80", "'localhost' is not a numeric address; write one such as 127.0.0.1:8080"},
      {"127.1:80", "'127.1' is not a numeric address"},
      {"256.0.0.1:80", "'256.0.0.1' is not a numeric address"},
      {"*:80", "for all addresses write :80"},
      {"::1:80", "an IPv6 address must be in brackets"},
      {"[::1:80", "the bracket is not closed"},
      {"[]:80", "'' is not a numeric IPv6 address"},
      {"[127.0.0.1]:80", "'127.0.0.1' is not a numeric IPv6 address"},
      {"[fe80::1%eth0]:80", "'fe80::1%eth0' is not a numeric IPv6 address"},
      {"[::ffff:127.0.0.1]:80", "write it as IPv4"},
      {"unix:", "write unix:/absolute/path"},
      {"unix:/", "write unix:/absolute/path"},
      {"unix:@", "write unix:/absolute/path"},
      {"unix:relative", "write unix:/absolute/path"},
      {std::string("unix:/a\0b", 9), "NUL"},
      {"systemd:", "write systemd:NAME"},
      {"systemd:a:b", "write systemd:NAME"},
      {"a\nb:80", "'a\\x0ab' is not a numeric address"},
  };
  for (const Wrong& wrong : cases) {
    CAPTURE(wrong.text);
    const Result<ListenAddress> result = ParseListenAddress(wrong.text);
    REQUIRE_FALSE(result.Ok());
    CHECK_MESSAGE(result.Err().text.find(wrong.says) != std::string::npos, result.Err().text);
  }
}

}  // namespace
}  // namespace preforkd::testing
