// Several ranges in one request: multipart/byteranges with the bytes of the file, whatever is asked.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/loopback/http/file_site.h"
#include "worker/http/syntax/byte_range.h"

namespace preforkd::testing {
namespace {

std::string Numbers(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + " ";
  text.resize(size);
  return text;
}

struct Part {
  std::string type, range, body;
};

// Cuts off `until` and what is before it; nullopt: it is not there.
std::optional<std::string> TakeUntil(std::string_view& rest, std::string_view until) {
  const std::size_t at = rest.find(until);
  if (at == std::string_view::npos) return std::nullopt;
  std::string taken(rest.substr(0, at));
  rest.remove_prefix(at + until.size());
  return taken;
}

// The parts of a multipart answer, read strictly (RFC 2046 section 5.1).
std::vector<Part> PartsOf(const Answer& answer) {
  const std::string type = answer.Field("content-type");
  constexpr std::string_view kPrefix = "multipart/byteranges; boundary=";
  REQUIRE(type.starts_with(kPrefix));
  const std::string boundary = "--" + type.substr(kPrefix.size());
  std::string_view rest = answer.body;
  std::vector<Part> parts;
  REQUIRE(TakeUntil(rest, boundary) == "");
  while (rest.starts_with("\r\n")) {
    rest.remove_prefix(2);
    Part part;
    REQUIRE(TakeUntil(rest, "Content-Type: ") == "");
    part.type = TakeUntil(rest, "\r\n").value();
    REQUIRE(TakeUntil(rest, "Content-Range: ") == "");
    part.range = TakeUntil(rest, "\r\n\r\n").value();
    part.body = TakeUntil(rest, "\r\n" + boundary).value();
    parts.push_back(part);
  }
  CHECK(rest == "--\r\n");
  return parts;
}

std::string Range(const std::string& value) { return "Range: " + value + "\r\n"; }

TEST_CASE("two ranges are two parts") {
  const ServedFolder folder("multi");
  folder.Write("a.txt", Numbers(1000));
  FileSite site(folder);
  const Answer answer = site.Get("/a.txt", Range("bytes=-5,0-9"));
  CHECK(answer.status == 206);
  CHECK(answer.Field("content-range").empty());
  CHECK(answer.Field("accept-ranges") == "bytes");
  CHECK(answer.Field("etag") == site.Get("/a.txt").Field("etag"));
  CHECK(answer.Field("content-length") == std::to_string(answer.body.size()));
  const std::vector<Part> parts = PartsOf(answer);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].range == "bytes 995-999/1000");
  CHECK(parts[0].body == Numbers(1000).substr(995));
  CHECK(parts[1].range == "bytes 0-9/1000");
  CHECK(parts[1].body == Numbers(1000).substr(0, 10));
  for (const Part& part : parts) CHECK(part.type == "text/plain; charset=utf-8");
  // Nobody can guess the next boundary.
  CHECK(site.Get("/a.txt", Range("bytes=-5,0-9")).Field("content-type") != answer.Field("content-type"));
}

TEST_CASE("ranges that become one are no multipart, and a condition or HEAD makes them nothing") {
  const ServedFolder folder("multi_one");
  folder.Write("a.txt", Numbers(1000));
  FileSite site(folder);
  const Answer joined = site.Get("/a.txt", Range("bytes=0-1,5-6"));
  CHECK(joined.status == 206);
  CHECK(joined.Field("content-range") == "bytes 0-6/1000");
  CHECK(joined.body == Numbers(1000).substr(0, 7));
  const std::string two = Range("bytes=0-0,-1");
  const std::string etag = site.Get("/a.txt").Field("etag");
  CHECK(site.Get("/a.txt", two + "If-Range: " + etag + "\r\n").status == 206);
  CHECK(site.Get("/a.txt", two + "If-Range: \"other\"\r\n").body == Numbers(1000));
  CHECK(site.Get("/a.txt", two + "If-None-Match: " + etag + "\r\n").status == 304);
  const Answer head = site.Ask("HEAD", "/a.txt", two);
  CHECK(head.status == 200);
  CHECK(head.Field("content-length") == "1000");
  const Answer behind = site.Get("/a.txt", Range("bytes=1000-,2000-2001"));
  CHECK(behind.status == 416);
  CHECK(behind.Field("content-range") == "bytes */1000");
}

TEST_CASE("random ranges of a long file, from a client that reads slowly, are the bytes of the file") {
  constexpr std::size_t kSize = 3'000'000;
  const ServedFolder folder("multi_random");
  const std::string whole = Numbers(kSize);
  folder.Write("a.bin", whole);
  FileSite site(folder);
  std::mt19937_64 random(20261127);
  const auto below = [&random](std::uint64_t end) {
    return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random);
  };
  const auto client = site.Bed().Connect();
  for (int round = 0; round < 60; ++round) {
    std::string value = "bytes=";
    for (std::uint64_t i = 2 + below(round % 3 == 0 ? 30 : 3); i > 0; --i) {
      const std::uint64_t first = below(kSize);
      value += fmt::format("{}-{},", first, first + below(below(2) == 0 ? 200 : 2'000'000));
    }
    CAPTURE(value);
    const http::ByteRanges ranges = http::ParseRanges(value, kSize);
    REQUIRE(ranges.kind == http::ByteRanges::Kind::kParts);
    client->Forget();
    client->Write("GET /a.bin HTTP/1.1\r\nHost: a\r\n" + Range(value) + "\r\n");
    std::vector<Answer> answers;
    REQUIRE(site.Bed().Until([&] {
      client->Read(1 + below(300'000));
      answers = ParseAnswers(client->Received());
      return !answers.empty() && answers.front().status > 0;
    }));
    REQUIRE(answers.size() == 1);
    REQUIRE(answers.front().status == 206);
    if (ranges.count == 1) {
      REQUIRE(answers.front().body == whole.substr(ranges.parts[0].first, ranges.parts[0].size));
      continue;
    }
    const std::vector<Part> parts = PartsOf(answers.front());
    REQUIRE(parts.size() == ranges.count);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const http::ByteRange& range = ranges.parts[i];
      REQUIRE(parts[i].range ==
              fmt::format("bytes {}-{}/{}", range.first, range.first + range.size - 1, kSize));
      REQUIRE(parts[i].body == whole.substr(range.first, range.size));
    }
  }
}

TEST_CASE("a file that shrinks between two parts ends the answer short") {
  const ServedFolder folder("multi_shrinks");
  folder.Write("a.bin", "");
  const std::string path = folder.Path("a.bin");
  REQUIRE(::truncate(path.c_str(), 300'000'000) == 0);
  FileSite site(folder);
  const auto client = site.Bed().Connect();
  client->Write("GET /a.bin HTTP/1.1\r\nHost: a\r\n" + Range("bytes=0-99999999,200000000-") + "\r\n");
  site.Bed().Turn();
  REQUIRE(::truncate(path.c_str(), 100'000'000) == 0);
  CHECK(site.Bed().Until([&] {
    client->Read();
    return client->Ended();
  }));
  CHECK(client->Received().size() > 100'000'000);
  CHECK(client->Received().size() < 100'010'000);
  CHECK(site.Bed().Live() == 0);
}

}  // namespace
}  // namespace preforkd::testing
