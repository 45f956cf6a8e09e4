// Hosts in the form in which they are compared, and which names a host may have in the configuration.
#include "worker/http/place/host_name.h"

#include <doctest/doctest.h>

#include <string>

#include "worker/http/place/place_settings.h"

namespace preforkd::testing {
namespace {

TEST_CASE(
    "a host is compared in lower case, without port and last dot, an IPv6 address in its shortest form") {
  struct Row {
    const char* authority;
    const char* host;
  };
  for (const Row& row : {Row{"", ""}, Row{"a", "a"}, Row{"WWW.Example.ORG", "www.example.org"},
                         Row{"example.org:8080", "example.org"}, Row{"example.org:", "example.org"},
                         Row{"example.org.", "example.org"}, Row{"example.org.:80", "example.org"},
                         Row{"10.0.0.1:80", "10.0.0.1"}, Row{"[::1]", "[::1]"}, Row{"[::1]:8080", "[::1]"},
                         Row{"[0:0::0:1]", "[::1]"}, Row{"[2001:DB8::A]:1", "[2001:db8::a]"},
                         Row{"[::ffff:10.0.0.1]", "[::ffff:10.0.0.1]"}, Row{"[v1.A:b]:1", "[v1.a:b]"},
                         Row{"a%2Eb", "a%2eb"}}) {
    CAPTURE(row.authority);
    CHECK(http::HostName(row.authority).View() == row.host);
  }
  const std::string longest(http::HostName::kMaxSize, 'a');
  CHECK(http::HostName(longest).View() == longest);
  CHECK(http::HostName(longest + ".:1").View() == longest);
  CHECK(http::HostName(longest + "a").View().empty());
}

TEST_CASE("names of hosts in the configuration") {
  CHECK(HostKey("Example.org.") == "example.org");
  CHECK(HostKey("*.Example.org") == "*.example.org");
  CHECK(HostKey("*") == "*");
  CHECK(HostKey("[0::1]") == "[::1]");
  CHECK(HostKey("10.0.0.1") == "10.0.0.1");
  for (const char* wrong : {"", "*.", "a:80", "[::1]:80", "a b", "*.[::1]", "http://a", "a/b", "[::1", "[1",
                            "a,b", "*a", "a.*.b", "*.*.b", "a%20b"}) {
    CAPTURE(wrong);
    CHECK(HostKey(wrong).empty());
  }
}

}  // namespace
}  // namespace preforkd::testing
