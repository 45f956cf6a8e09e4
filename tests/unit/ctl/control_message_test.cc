#include "common/control/control_message.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <random>

namespace preforkd::testing {
namespace {

std::string Mistake(std::string_view line) {
  const Result<ControlRequest> request = ParseControlRequest(line);
  return request.Ok() ? std::string() : request.Err().text;
}

}  // namespace

TEST_CASE("every request comes back as it was") {
  for (const ControlRequest& request :
       {ControlRequest{ControlCommand::kStatus, false, 0}, ControlRequest{ControlCommand::kMetrics, false, 0},
        ControlRequest{ControlCommand::kConfig, false, 0}, ControlRequest{ControlCommand::kReload, true, 0},
        ControlRequest{ControlCommand::kReload, false, 0}, ControlRequest{ControlCommand::kUpgrade, true, 0},
        ControlRequest{ControlCommand::kStop, false, 0}, ControlRequest{ControlCommand::kScale, false, 7},
        ControlRequest{ControlCommand::kScale, false, 7, "app"},
        ControlRequest{ControlCommand::kRetire, false, 4294967295},
        ControlRequest{ControlCommand::kReopenLogs, false, 0}}) {
    const std::string line = RenderControlRequest(request);
    REQUIRE(line.ends_with('\n'));
    const Result<ControlRequest> read =
        ParseControlRequest(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(read.Ok());
    CHECK(read.Value() == request);
  }
}

TEST_CASE("an invalid request is refused with a reason") {
  CHECK(Mistake("") == "not a JSON object in one line");
  CHECK(Mistake("reload") == "not a JSON object in one line");
  CHECK(Mistake("[]") == "not a JSON object in one line");
  CHECK(Mistake("{}") == "\"command\" is missing");
  CHECK(Mistake(R"({"command":5})") == "\"command\" is missing");
  CHECK(Mistake(R"({"command":"relaod"})") == "unknown command 'relaod'");
  CHECK(Mistake(R"({"command":"reload","wait":1})") == "\"wait\" is true or false");
  CHECK(Mistake(R"({"command":"status","wait":true})") == "status knows no 'wait'");
  CHECK(Mistake(R"({"command":"scale"})") == "scale needs \"workers\"");
  CHECK(Mistake(R"({"command":"scale","slot":1})") == "scale knows no 'slot'");
  CHECK(Mistake(R"({"command":"scale","workers":1,"pool":7})") == "\"pool\" is the name of a pool");
  CHECK(Mistake(R"({"command":"retire","slot":1,"pool":"app"})") == "retire knows no 'pool'");
  for (const char* number : {"-1", "1.5", "\"2\"", "4294967296", "1e3", "null", "18446744073709551616"}) {
    CAPTURE(number);
    CHECK(Mistake(fmt::format(R"({{"command":"scale","workers":{}}})", number)) ==
          "\"workers\" is a whole number, 0 or more");
  }
}

TEST_CASE("garbage and deep nesting are refused") {
  CHECK_FALSE(Mistake(std::string(kMaxControlRequest, '[')).empty());
  CHECK_FALSE(
      Mistake(R"({"command":"status","x":)" + std::string(2000, '[') + std::string(2000, ']') + "}").empty());
  std::minstd_rand random(1);
  const std::string good = R"({"command":"scale","workers":12})";
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (auto n = random() % 3 + 1; n > 0; --n) bad[random() % bad.size()] = static_cast<char>(random());
    const Result<ControlRequest> request = ParseControlRequest(bad);
    if (request.Ok()) CHECK(request.Value().command == ControlCommand::kScale);
  }
}

TEST_CASE("replies come back as they were") {
  ControlReply refused = Refusal("refused: \"x\"\nand more");
  refused.problems = {"f:1:2: a", "f:3:4: b"};
  ControlReply status;
  status.result = R"({"pid":5,"workers":[]})";
  for (const ControlReply& reply :
       {refused, status, TextReply("a = 1\nb = \"\xC3\xA4\"\n"), ControlReply{}}) {
    const std::string line = RenderControlReply(reply);
    CHECK(line.find('\n') == line.size() - 1);
    const Result<ControlReply> read = ParseControlReply(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(read.Ok());
    CHECK(read.Value() == reply);
  }
  CHECK(TextOf(TextReply("a\nb")) == "a\nb");
  CHECK(TextOf(status).empty());
  CHECK_FALSE(ParseControlReply("{}").Ok());
  CHECK_FALSE(ParseControlReply("garbage").Ok());
}

}  // namespace preforkd::testing
