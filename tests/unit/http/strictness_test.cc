// What a request head may look like, decided on raw bytes. Whole requests are in
// tests/loopback/http/hostile_test.cc; here is what only the function itself can show.
#include "worker/http/strictness.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::http {
namespace {

using Kind = HeadScan::Kind;

TEST_CASE("a scan says where the head ends, and looks at nothing behind it") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const HeadScan scan = ScanHead(head + std::string("\0\r\r\n\n", 5), {});
  CHECK(scan.kind == Kind::kComplete);
  CHECK(scan.size == head.size());
}

TEST_CASE("every proper prefix of a good head is incomplete") {
  const std::string head = "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    CHECK(ScanHead(std::string_view(head).substr(0, size), {}).kind == Kind::kIncomplete);
  }
}

TEST_CASE("a prefix that is refused is refused in the same way with more behind it") {
  for (const std::string bad :
       {"G@T ", "FOO ", "GET / HTTP/3.0\r\n", "GET /\r\n", "GET / HTTP/1.1\r\n a", "GET /\rx"}) {
    CAPTURE(bad);
    Refusal first = kAccepted;
    for (std::size_t size = 1; size <= bad.size() + 30; ++size) {
      const std::string bytes = (bad + std::string(30, '\n')).substr(0, size);
      const HeadScan scan = ScanHead(bytes, {});
      if (first != kAccepted) CHECK(scan.refusal == first);
      if (first == kAccepted) first = scan.refusal;
    }
    CHECK(first != kAccepted);
  }
}

TEST_CASE("limits are exact") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  CHECK(ScanHead(head, {head.size(), 2}).kind == Kind::kComplete);
  CHECK(ScanHead(head, {head.size() - 1, 2}).refusal == 431);
  CHECK(ScanHead(head, {head.size(), 1}).refusal == 431);
  CHECK(ScanHead(head, {10, 2}).refusal == 414);
}

TEST_CASE("empty lines") {
  CHECK(EmptyLineBytes("") == 0);
  CHECK(EmptyLineBytes("\r") == 0);
  CHECK(EmptyLineBytes("\r\n\r\n\r") == 4);
  CHECK(EmptyLineBytes("\n\r\n") == 0);
}

TEST_CASE("a scan is repeated only for what can change its outcome") {
  CHECK(WorthScanning("", "G"));
  CHECK_FALSE(WorthScanning("GET", " /"));
  CHECK_FALSE(WorthScanning("GET / HTTP/1.1\r\nX: a", "b\tc"));
  CHECK(WorthScanning("GET / HTTP/1.1", "\r"));
  CHECK(WorthScanning("GET / HTTP/1.1\r", "x"));
  CHECK(WorthScanning("GET", std::string_view("\0", 1)));
}

TEST_CASE("fields") {
  const auto check = [](std::initializer_list<HttpField> fields, int minor = 1) {
    return CheckFields({fields.begin(), fields.size()}, minor);
  };
  CHECK(check({{"Host", "a"}}) == kAccepted);
  CHECK(check({}) == 400);
  CHECK(check({}, 0) == kAccepted);
  CHECK(check({{"Host", ""}}, 0) == 400);
  CHECK(check({{"host", "a"}, {"HOST", "a"}}, 0) == 400);
  CHECK(check({{"Host", "a"}, {"X ", "b"}}) == 400);
  CHECK(check({{"Host", "a"}, {"X", "b\x7f"}}) == 400);
  CHECK(check({{"Host", "a"}, {"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}}) == 400);
}

TEST_CASE("methods are told apart by case") {
  CHECK(MethodOf("GET") == HttpMethod::kGet);
  CHECK(MethodOf("PATCH") == HttpMethod::kPatch);
  CHECK_FALSE(MethodOf("get"));
  CHECK_FALSE(MethodOf(""));
}

}  // namespace
}  // namespace preforkd::http
