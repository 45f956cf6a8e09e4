// The request line, and host and port alone. Whole requests are in tests/loopback/http; here are tests that
// only the functions themselves allow.
#include "worker/http/syntax/request_line.h"

#include <doctest/doctest.h>

#include <string>

#include "worker/http/syntax/authority.h"

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

TEST_CASE("methods are told apart by case") {
  CHECK(MethodOf("GET") == HttpMethod::kGet);
  CHECK(MethodOf("PATCH") == HttpMethod::kPatch);
  CHECK_FALSE(MethodOf("get"));
  CHECK_FALSE(MethodOf(""));
}

TEST_CASE("the parts of a request line") {
  const std::string line = "POST http://a/b?c HTTP/1.0";
  RequestLine parsed;
  REQUIRE(ParseRequestLine(line, parsed) == kAccepted);
  CHECK(parsed.method == HttpMethod::kPost);
  CHECK(parsed.method_name == "POST");
  CHECK(parsed.target == "http://a/b?c");
  CHECK(parsed.minor_version == 0);
}

TEST_CASE("every minor version above 1 is processed as 1") {
  for (int minor = 0; minor <= 9; ++minor) {
    RequestLine parsed;
    CHECK(ParseRequestLine("GET / HTTP/1." + std::to_string(minor), parsed) == kAccepted);
    CHECK(parsed.minor_version == (minor == 0 ? 0 : 1));
  }
}

TEST_CASE("a method that is not a token, or not supported, is refused before its line ends") {
  CHECK(CheckMethod("") == kAccepted);
  CHECK(CheckMethod("FO") == kAccepted);
  CHECK(CheckMethod("FOO ") == 501);
  CHECK(CheckMethod("G@T") == 400);
  CHECK(CheckMethod(" ") == 400);
  CHECK(CheckMethod(std::string(33, 'A')) == 501);
  CHECK(CheckMethod("PRI ") == kAccepted);  // refused by its version
}

TEST_CASE("the visible part of a method decides whether an error has content") {
  for (const char* head : {"HEAD", "HEAD ", "HEAD / HTTP", "HEAD\r", "HEAD\t", "HEAD@", "HEAD("}) {
    CAPTURE(head);
    CHECK(SeeMethod(head) == MethodSeen::kHead);
  }
  for (const char* unknown : {"", "H", "HE", "HEA"}) {
    CAPTURE(unknown);
    CHECK(SeeMethod(unknown) == MethodSeen::kUnknown);
  }
  for (const char* other :
       {"GET", "G", "HEADS", "HEADER /", "head", "HE ", "H\r\n", " HEAD", "\x16\x03\x01"}) {
    CAPTURE(other);
    CHECK(SeeMethod(other) == MethodSeen::kOther);
  }
}

TEST_CASE("an authority ends where its text ends") {
  CHECK(IsAuthority("a:80"));
  CHECK_FALSE(IsAuthority(std::string_view("a\0", 2)));
  CHECK_FALSE(IsAuthority(std::string_view("[::1\0]", 6)));
  CHECK_FALSE(IsAuthority("[" + std::string(100, ':') + "]"));
  CHECK(IsAuthorityWithPort("[::1]:1"));
  CHECK_FALSE(IsAuthorityWithPort("[::1]"));
  CHECK_FALSE(IsAuthorityWithPort("a:"));
}

}  // namespace
}  // namespace preforkd::testing
