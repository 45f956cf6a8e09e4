// One line of the access log for each answer that comes later or in pieces, with the bytes that were sent.
#include <doctest/doctest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/loopback/http/access_lines.h"
#include "tests/loopback/http/later_bed.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

struct Recorded : LaterBed {
  explicit Recorded(const HttpSettings& settings = {}) : LaterBed(settings), lines(http) {}
  // Before the log.
  ~Recorded() { http.Env().access = nullptr; }
  AccessLines lines;
};

TEST_CASE("a deferred answer is one line, with the time that the handler took") {
  Recorded bed;
  const auto client = bed.Ask(Get("/later?x", "User-Agent: u\r\nReferer: r\r\n") + Get("/now"));
  const Time end = Now() + milliseconds(30);
  CHECK(bed.http.Until([&] { return Now() > end; }));
  CHECK(bed.lines.Read<Json>().empty());
  bed.Last().Say("12345", 404);
  const std::vector<Json> lines = bed.lines.Read<Json>();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["target"] == "/later?x");
  CHECK(lines[0]["status"] == 404);
  CHECK(lines[0]["bytes"] == 5);
  CHECK(lines[0]["user_agent"] == "u");
  CHECK(lines[0]["referer"] == "r");
  CHECK(lines[0]["duration"] >= 0.03);
  CHECK(lines[1]["target"] == "/now");
  CHECK(lines[1]["bytes"] == 9);
}

TEST_CASE("a streamed answer is one line at its end, with the bytes of its pieces") {
  Recorded bed;
  const auto client = bed.Ask(Get("/stream"));
  bed.Last().Begin();
  bed.Last()->Write("hello");
  CHECK(bed.lines.Read<Json>().empty());
  SUBCASE("it ends, and others are answered meanwhile") {
    const auto other = bed.Ask(Get("/now"));
    bed.Last()->Write(" world");
    bed.Last()->Finish();
    const std::vector<Json> lines = bed.lines.Read<Json>();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["target"] == "/now");
    CHECK(lines[1]["target"] == "/stream");
    CHECK(lines[1]["bytes"] == 11);
    CHECK(lines[1]["status"] == 200);
  }
  SUBCASE("it is given up") {
    bed.Last()->Abandon("the test");
    const std::vector<Json> lines = bed.lines.Read<Json>();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["bytes"] == 5);
  }
  SUBCASE("the client leaves") {
    client->Close();
    while (bed.Last()->Streaming()) {
      bed.Last()->Write("x");
      bed.http.Turn();
    }
    const std::vector<Json> lines = bed.lines.Read<Json>();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["bytes"] >= 5);
    CHECK(lines[0]["bytes"] < 8);
  }
}

TEST_CASE("a streamed answer that a slow reader never takes in full") {
  HttpSettings settings;
  settings.send_timeout = milliseconds(20);
  Recorded bed(settings);
  const auto client = bed.Ask(Get("/stream"));
  bed.Last().Begin();
  std::uint64_t written = 0;
  while (bed.Last()->Write(std::string(10'000, 'x')) < 100'000) written += 10'000;
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
  const std::vector<Json> lines = bed.lines.Read<Json>();
  REQUIRE(lines.size() == 1);
  client->Read();
  const std::uint64_t bytes = lines[0]["bytes"];
  CHECK(bytes > 0);
  CHECK(bytes < written);
  CHECK(bytes <= AfterHead(client->Received()).size());
}

TEST_CASE("HEAD of a streamed answer sends no bytes of a body") {
  Recorded bed;
  const auto client = bed.Ask("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  bed.Last().Begin();
  bed.Last()->Write("hello");
  bed.Last()->Finish();
  const std::vector<Json> lines = bed.lines.Read<Json>();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["bytes"] == 0);
}

TEST_CASE("a request that was never answered has no line, and one that travelled a single one") {
  Recorded bed;
  const auto client = bed.Ask(Get("/later"), SocketKind::kTcp);
  SUBCASE("never answered") {
    client->Reset();
    bed.http.Turn();
    bed.taken.clear();
    CHECK(bed.lines.Read<Json>().empty());
  }
  SUBCASE("travelled") {
    REQUIRE(bed.Last()->Travel(Now() + std::chrono::minutes(1)));
    bed.http.Resume();
    bed.Last().Say("there");
    CHECK(bed.lines.Read<Json>().size() == 1);
  }
}

TEST_CASE("a body in pieces that is refused has a line with its request") {
  Recorded bed;
  bed.use = [](const HttpRequest&) { return BodyUse::kPieces; };
  const auto client = bed.Ask("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  const std::vector<Json> lines = bed.lines.Read<Json>();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["status"] == 400);
  CHECK(lines[0]["target"] == "/up");
}

TEST_CASE("lines of two clients are not mixed up when one's handler answers the other") {
  Recorded bed;
  const auto waiting = bed.Ask(Get("/wait"));
  Taken& first = bed.Last();
  bed.start = [&](Taken& taken) {
    first.Say("12345");
    taken.Say("1");
  };
  const auto asking = bed.Ask(Get("/now?own") + Get("/speak") + Get("/now?next"));
  const std::vector<Json> lines = bed.lines.Read<Json>();
  REQUIRE(lines.size() == 4);
  std::vector<std::string> targets;
  for (const Json& line : lines) targets.push_back(line["target"]);
  std::sort(targets.begin(), targets.end());
  CHECK(targets == std::vector<std::string>{"/now?next", "/now?own", "/speak", "/wait"});
}

}  // namespace
}  // namespace preforkd::testing
