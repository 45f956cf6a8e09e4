// From the bytes of a head to its parts.
#include "worker/http/head_parser.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::http {
namespace {

TEST_CASE("parts of a head") {
  HeadParser parser({}, 1000);
  const std::string head =
      "POST http://a/b?c HTTP/1.1\r\nHost: x\r\nEmpty:\r\nX:  two words \t\r\nContent-Length: 3\r\n\r\n";
  REQUIRE(parser.Parse(head) == kAccepted);
  const RequestHead& parsed = parser.Head();
  CHECK(parsed.method == HttpMethod::kPost);
  CHECK(parsed.method_name == "POST");
  CHECK(parsed.target == "http://a/b?c");
  CHECK(parsed.minor_version == 1);
  REQUIRE(parsed.fields.size() == 4);
  CHECK(parsed.fields[1].value.empty());
  CHECK(parsed.fields[2].name == "X");
  CHECK(parsed.fields[2].value == "two words");
  CHECK(parsed.framing.length == 3);
  CHECK(parsed.keep_alive);
  CHECK_FALSE(parsed.expects_continue);
}

TEST_CASE("nothing is left of one head in the next") {
  HeadParser parser({}, 1000);
  REQUIRE(parser.Parse("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n") == kAccepted);
  CHECK(parser.Head().expects_continue);
  CHECK(parser.Parse("BROKEN") == 400);
  REQUIRE(parser.Parse("GET / HTTP/1.0\r\n\r\n") == kAccepted);
  CHECK(parser.Head().fields.empty());
  CHECK_FALSE(parser.Head().expects_continue);
  CHECK(parser.Head().framing.kind == Framing::Kind::kNone);
  CHECK(parser.Head().minor_version == 0);
  CHECK_FALSE(parser.Head().keep_alive);
}

TEST_CASE("persistence") {
  HeadParser parser({}, 1000);
  const auto keeps = [&parser](const std::string& version, const std::string& fields) {
    REQUIRE(parser.Parse("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n") == kAccepted);
    return parser.Head().keep_alive;
  };
  CHECK(keeps("1.1", ""));
  CHECK(keeps("1.1", "Connection: closed\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: CLOSE\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: x\r\nConnection: y,close\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
  CHECK_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

}  // namespace
}  // namespace preforkd::http
