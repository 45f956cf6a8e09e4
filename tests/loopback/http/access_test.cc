// One line of the access log for each answer, with the bytes really sent, however the connection ends.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/loopback/http/access_lines.h"
#include "tests/loopback/http/http_bed.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kBig = 20'000'000;  // more than a socket takes at once

// A bed with an access log, which is read back.
class Recorded {
 public:
  explicit Recorded(const HttpSettings& config = {}) : bed(config, &Recorded::Handle), lines_(bed) {}

  // The lines so far.
  std::vector<Json> Lines() { return lines_.Read<Json>(); }

  HttpBed bed;

 private:
  static void Handle(const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/big") response.Body().assign(kBig, 'x');
    if (request.path == "/five") response.Body() = "12345";
    if (request.path == "/missing") response.SetStatus(404);
    if (request.path == "/throw") throw std::runtime_error("on purpose");
  }

  AccessLines lines_;
};

std::string Get(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

TEST_CASE("an answer is a line") {
  Recorded recorded;
  const auto client = recorded.bed.Connect(SocketKind::kTcp);
  recorded.bed.Exchange(*client, Get("/five?a=b", "User-Agent: u\r\nReferer: r\r\n"));
  recorded.bed.Exchange(*client, Get("/missing"));
  recorded.bed.Exchange(*client, Get("/throw"));
  recorded.bed.Exchange(*client, "HEAD /five HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::vector<Json> lines = recorded.Lines();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["target"] == "/five?a=b");
  CHECK(lines[0]["status"] == 200);
  CHECK(lines[0]["bytes"] == 5);
  CHECK(lines[0]["peer"] == "127.0.0.1");
  CHECK(lines[0]["user_agent"] == "u");
  CHECK(lines[0]["referer"] == "r");
  CHECK(lines[0]["duration"] >= 0.0);
  CHECK(lines[0]["duration"] < 5.0);
  CHECK(lines[0]["slot"] == 3);
  CHECK(lines[0]["incarnation"] == 7);
  CHECK(lines[1]["status"] == 404);
  CHECK(lines[2]["status"] == 500);
  CHECK(lines[3]["method"] == "HEAD");
  CHECK(lines[3]["bytes"] == 0);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i]["conn"] == 1);
    CHECK(lines[i]["request"] == i + 1);
  }
}

TEST_CASE("pipelined requests are a line each, in their order") {
  Recorded recorded;
  const auto client = recorded.bed.Connect();
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += Get("/five?" + std::to_string(i));
  recorded.bed.Exchange(*client, requests);
  const std::vector<Json> lines = recorded.Lines();
  REQUIRE(lines.size() == 50);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i]["target"] == "/five?" + std::to_string(i));
    CHECK(lines[i]["bytes"] == 5);
  }
}

TEST_CASE(
    "an answer that takes long is a line when it is sent, with the time that it took; others come before "
    "it") {
  Recorded recorded;
  const auto slow = recorded.bed.Connect();
  slow->Write(Get("/big"));
  recorded.bed.Turn();
  const auto quick = recorded.bed.Connect();
  recorded.bed.Exchange(*quick, Get("/five"));
  CHECK(recorded.Lines().size() == 1);
  CHECK(recorded.bed.Until([&] {
    slow->Read();
    return slow->Received().size() > kBig;
  }));
  const std::vector<Json> lines = recorded.Lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["target"] == "/five");
  CHECK(lines[1]["target"] == "/big");
  CHECK(lines[1]["bytes"] == kBig);
}

TEST_CASE("a client that closes in the middle of an answer has got what was sent until then") {
  Recorded recorded;
  const auto client = recorded.bed.Connect();
  client->Write(Get("/big"));
  recorded.bed.Turn();
  CHECK(recorded.Lines().empty());
  client->Close();
  const std::vector<Json> lines = recorded.Lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["bytes"] > 0);
  CHECK(lines[0]["bytes"] < kBig);
}

TEST_CASE("a refused request is shown as it came, and a slow one with the time from its first byte") {
  Recorded recorded;
  const auto rude = recorded.bed.Connect();
  recorded.bed.Exchange(*rude, "\x16\x03\x01 nonsense\r\n\r\n");
  const auto large = recorded.bed.Connect();
  recorded.bed.Exchange(*large, "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
  const auto tunnel = recorded.bed.Connect();
  recorded.bed.Exchange(*tunnel, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
  const std::vector<Json> lines = recorded.Lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["status"] == 400);
  CHECK(lines[0].dump().find("nonsense") != std::string::npos);
  CHECK(lines[1]["status"] == 413);
  CHECK(lines[1]["target"] == "/up");
  CHECK(lines[2]["status"] == 501);

  HttpSettings config;
  config.header_timeout = std::chrono::milliseconds(50);
  Recorded late(config);
  const auto client = late.bed.Connect();
  client->Write("GET /slow");
  CHECK(late.bed.Until([&] { return !late.Lines().empty(); }));
  CHECK(late.Lines()[0]["status"] == 408);
  CHECK(late.Lines()[0]["refused"] == "GET /slow");
  CHECK(late.Lines()[0]["duration"] >= 0.04);
}

TEST_CASE("a body that arrives in pieces belongs to its own head") {
  Recorded recorded;
  const auto client = recorded.bed.Connect();
  recorded.bed.Exchange(*client, "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  CHECK(recorded.Lines().empty());
  recorded.bed.Exchange(*client, "67890" + Get("/two"));
  const std::vector<Json> lines = recorded.Lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["target"] == "/one");
  CHECK(lines[1]["target"] == "/two");
}

}  // namespace
}  // namespace preforkd::testing
