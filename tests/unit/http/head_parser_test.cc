// From the bytes of a head to its parts, and how the parser treats a head that is not whole. Whole requests
// are in tests/loopback/http.
#include "worker/http/syntax/head_parser.h"

#include <doctest/doctest.h>

#include <string>

#include "worker/http/syntax/kept_head.h"

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

using Kind = HeadResult::Kind;

Refusal RefusalOf(HeadParser& parser, const std::string& head) {
  const HeadResult result = parser.Parse(head);
  CHECK(result.kind != Kind::kIncomplete);
  return result.refusal;
}

TEST_CASE("parts of a head") {
  HeadParser parser({}, 1000);
  const std::string head =
      "POST http://a/b/../%63?c HTTP/1.1\r\nHost: x\r\nEmpty:\r\nX:  two words \t\r\nContent-Length: "
      "3\t\r\n\r\n";
  REQUIRE(parser.Parse(head).kind == Kind::kComplete);
  const HttpRequest& request = parser.Head().request;
  CHECK(request.method == HttpMethod::kPost);
  CHECK(request.method_name == "POST");
  CHECK(request.target == "http://a/b/../%63?c");
  CHECK(request.path == "/c");
  CHECK(request.query == "c");
  CHECK(request.host == "a");
  CHECK(request.minor_version == 1);
  REQUIRE(request.fields.size() == 4);
  CHECK(request.fields[1].value.empty());
  CHECK(request.fields[2].name == "X");
  CHECK(request.fields[2].value == "two words");
  CHECK(request.keep_alive);
  CHECK(parser.Head().framing.length == 3);
  CHECK_FALSE(parser.Head().expects_continue);
}

TEST_CASE("nothing of one head is left in the next") {
  HeadParser parser({}, 1000);
  const std::string full =
      "POST /a?b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  REQUIRE(parser.Parse(full).kind == Kind::kComplete);
  CHECK(parser.Head().expects_continue);
  CHECK(RefusalOf(parser, "BROKEN\r\n") == 400);
  CHECK(parser.Parse("GET / HTTP/1.1\r\nHost: b\r\nX: y\r\n").kind == Kind::kIncomplete);
  const std::string bare = "GET / HTTP/1.0\r\n\r\n";
  REQUIRE(parser.Parse(bare).kind == Kind::kComplete);
  const HttpRequest& request = parser.Head().request;
  CHECK(request.fields.empty());
  CHECK(request.path == "/");
  CHECK(request.query.empty());
  CHECK(request.host.empty());
  CHECK(request.minor_version == 0);
  CHECK_FALSE(request.keep_alive);
  CHECK_FALSE(parser.Head().expects_continue);
  CHECK(parser.Head().framing.kind == Framing::Kind::kNone);
}

TEST_CASE("a parser finds the end of the head, and reads nothing behind it") {
  HeadParser parser({}, 1000);
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const HeadResult result = parser.Parse(head + std::string("\0\r\r\n\n", 5));
  CHECK(result.kind == Kind::kComplete);
  CHECK(result.size == head.size());
}

TEST_CASE("every proper prefix of a good head is incomplete") {
  HeadParser parser({}, 1000);
  const std::string head = "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    CHECK(parser.Parse(std::string_view(head).substr(0, size)).kind == Kind::kIncomplete);
  }
}

TEST_CASE("a prefix that is refused is refused in the same way with more behind it") {
  HeadParser parser({}, 1000);
  for (const std::string bad : {"G@T ", "FOO ", "GET / HTTP/3.0\r\n", "GET /\r\n", "GET / HTTP/1.1\r\n a\r\n",
                                "GET /\rx", "GET / HTTP/1.1\r\nHost: a:b\r\n", "GET / HTTP/1.1\r\nX\r\n",
                                "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz"}) {
    CAPTURE(bad);
    Refusal first = kAccepted;
    for (std::size_t size = 1; size <= bad.size() + 30; ++size) {
      const std::string bytes = (bad + std::string(30, '\n')).substr(0, size);
      const HeadResult result = parser.Parse(bytes);
      if (first != kAccepted) CHECK(result.refusal == first);
      if (first == kAccepted) first = result.refusal;
    }
    CHECK(first != kAccepted);
  }
}

TEST_CASE("limits are exact") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  const auto parse = [&head](const HeadLimits& limits) { return HeadParser(limits, 1000).Parse(head); };
  CHECK(parse({head.size(), 2}).kind == Kind::kComplete);
  CHECK(parse({head.size() - 1, 2}).refusal == 431);
  CHECK(parse({head.size(), 1}).refusal == 431);
  CHECK(parse({10, 2}).refusal == 414);
}

TEST_CASE("empty lines") {
  CHECK(EmptyLineBytes("") == 0);
  CHECK(EmptyLineBytes("\r") == 0);
  CHECK(EmptyLineBytes("\r\n\r\n\r") == 4);
  CHECK(EmptyLineBytes("\n\r\n") == 0);
}

TEST_CASE("a head is parsed again only when new bytes can change the outcome") {
  CHECK(HeadParser::WorthParsing("", "G"));
  CHECK(HeadParser::WorthParsing("GE", "("));
  CHECK(HeadParser::WorthParsing("FOO", " "));
  CHECK(HeadParser::WorthParsing(std::string(32, 'A'), "A"));
  CHECK_FALSE(HeadParser::WorthParsing("GET ", "/"));
  CHECK_FALSE(HeadParser::WorthParsing("GET / HTTP/1.1\r\nX: a", "b\tc"));
  CHECK(HeadParser::WorthParsing("GET / HTTP/1.1", "\r"));
  CHECK(HeadParser::WorthParsing("GET / HTTP/1.1\r", "x"));
  CHECK(HeadParser::WorthParsing("GET", std::string_view("\0", 1)));
}

TEST_CASE("fields") {
  HeadParser parser({}, 1000);
  const auto check = [&parser](const std::string& fields, const std::string& version = "1.1") {
    return RefusalOf(parser, "GET / HTTP/" + version + "\r\n" + fields + "\r\n");
  };
  CHECK(check("Host: a\r\n") == kAccepted);
  CHECK(check("") == 400);
  CHECK(check("", "1.0") == kAccepted);
  CHECK(check("Host:\r\n", "1.0") == 400);
  CHECK(check("host: a\r\nHOST: a\r\n", "1.0") == 400);
  CHECK(check("Host: a\r\nX : b\r\n") == 400);
  CHECK(check("Host: a\r\nX: b\x7f\r\n") == 400);
  CHECK(check("Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n") == 400);
}

TEST_CASE("persistence") {
  HeadParser parser({}, 1000);
  const auto keeps = [&parser](const std::string& version, const std::string& fields) {
    const std::string head = "GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n";
    REQUIRE(parser.Parse(head).kind == Kind::kComplete);
    return parser.Head().request.keep_alive;
  };
  CHECK(keeps("1.1", ""));
  CHECK(keeps("1.2", ""));
  CHECK(keeps("1.1", "Connection: closed\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: CLOSE\r\n"));
  CHECK_FALSE(keeps("1.9", "Connection: close\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: x\r\nConnection: y,close\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
  CHECK_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

TEST_CASE("a kept head outlives its bytes and the parser's next head") {
  HeadParser parser({}, 1000);
  std::string head = "PUT http://h:81/a%20b/?q HTTP/1.0\r\nHost: other\r\nEmpty:\r\nX: y\r\n\r\n";
  REQUIRE(parser.Parse(head).kind == Kind::kComplete);
  const KeptHead kept(head, parser.Head().request);
  const std::string copy = head;
  head.assign(head.size(), '#');
  REQUIRE(parser.Parse("GET /other HTTP/1.1\r\nHost: z\r\n\r\n").kind == Kind::kComplete);
  const HttpRequest& request = kept.Request();
  CHECK(kept.Bytes() == copy);
  CHECK(request.method == HttpMethod::kPut);
  CHECK(request.method_name == "PUT");
  CHECK(request.target == "http://h:81/a%20b/?q");
  CHECK(request.path == "/a b/");
  CHECK(request.query == "q");
  CHECK(request.host == "h:81");
  CHECK(request.minor_version == 0);
  REQUIRE(request.fields.size() == 3);
  CHECK(request.fields[0].value == "other");
  CHECK(request.fields[1].name == "Empty");
  CHECK(request.fields[1].value.empty());
  CHECK(request.Field("x") == "y");
}

}  // namespace
}  // namespace preforkd::testing
