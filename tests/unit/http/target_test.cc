// From a request target to a safe path, and back to a Location.
#include "worker/http/syntax/target.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

std::string PathOf(std::string_view raw) {
  std::string buffer;
  const std::optional<Target> target = ParseTarget(raw, buffer);
  return target ? std::string(target->path) : "refused";
}

TEST_CASE("paths") {
  const std::pair<const char*, const char*> rows[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/b/", "/a/b/"},
      {"/a%20b", "/a b"},
      {"/a%2fb", "/a/b"},
      {"/%25%32%66", "/%2f"},  // decoded once
      {"/a+b", "/a+b"},
      {"//a///b//", "/a/b/"},
      {"/./a/./b/.", "/a/b/"},
      {"/a/../b", "/b"},
      {"/a/b/..", "/a/"},
      {"/a/b/../..", "/"},
      {"/a/%2e%2E/b", "/b"},
      {"/a%2f..%2fb", "/b"},
      {"/..a/...", "/..a/..."},
      {"/%c0%ae%c0%ae/a", "/\xc0\xae\xc0\xae/a"},
      {"/..", "refused"},
      {"/a/../..", "refused"},
      {"/%2e%2e/", "refused"},
      {"/a/..%2f../b", "refused"},
      {"/%", "refused"},
      {"/%4", "refused"},
      {"/%4g", "refused"},
      {"/%00", "refused"},
      {"*", "*"},
      {"http://a", "/"},
      {"http://a?b", "/"},
      {"http://a/../b", "refused"},
  };
  for (const auto& [raw, path] : rows) {
    CAPTURE(raw);
    CHECK(PathOf(raw) == path);
  }
}

TEST_CASE("host and query") {
  std::string buffer;
  const auto target = ParseTarget("http://a:80/b?c%20?d", buffer);
  REQUIRE(target);
  CHECK(target->host == "a:80");
  CHECK(target->query == "c%20?d");
  CHECK(ParseTarget("/b?c", buffer)->host.empty());
  CHECK(ParseTarget("https://[::1]?q", buffer)->host == "[::1]");
}

TEST_CASE("a path in a Location") {
  std::string out;
  AppendEncodedPath("/a b/\\\r\n\"<>%?#\xff~", out);
  CHECK(out == "/a%20b/%5C%0D%0A%22%3C%3E%25%3F%23%FF~");
}

}  // namespace
}  // namespace preforkd::testing
