// The scoreboard as JSON.
#include "common/report/status_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace preforkd {
namespace {

using Json = nlohmann::json;

TEST_CASE("every field that users rely on is there") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  const Scoreboard& scoreboard = board.Value();
  const Time now = Now();
  MasterPage& master = scoreboard.Master();
  Set(master.pid, 4711);
  Set(master.started_ns, static_cast<std::uint64_t>(ToNanoseconds(now - std::chrono::seconds(5))));
  Set(master.lost, 1);
  master.state = MasterState::kServing;
  (void)scoreboard.AddListener();  // of a listener that was closed
  ListenerRow& listener = *scoreboard.AddListener();
  listener.used = true;
  listener.address.Write("127.0.0.1:8080");
  listener.service.Write("site");
  WorkerRow& row = scoreboard.Use(Slot{9});
  row.state = SlotState::kRetiring;
  Set(row.pid, 4712);
  Set(row.requests, 42);
  Set(row.before.requests, 7);
  Set(row.heartbeat_ns, static_cast<std::uint64_t>(ToNanoseconds(now - std::chrono::milliseconds(250))));
  row.dispatch_wait.Observe(std::chrono::microseconds(10));
  Set(row.taken, 5);
  Set(row.finished, 2);
  Set(row.handed_over, 8);
  Set(row.cpu_ns, 1'500'000'000);
  row.doing.Write("GET /\xff\"\n");

  const Json json = Json::parse(StatusJson(scoreboard, Slot{9}, now));
  for (const char* field :
       {"version", "pid", "uptime_seconds", "generation", "state", "accepted", "parked", "lost", "reclaimed",
        "handed_over", "handed_back", "restarts", "listeners", "workers"}) {
    CAPTURE(field);
    CHECK(json.contains(field));
  }
  CHECK(json["pid"] == 4711);
  CHECK(json["state"] == "serving");
  CHECK(json["lost"] == 1);
  CHECK(json["uptime_seconds"].get<double>() == doctest::Approx(5));
  CHECK(json["answered_by"] == Json{{"slot", 9}, {"pid", 4712}});
  REQUIRE(json["listeners"].size() == 1);
  CHECK(json["listeners"][0] ==
        Json{{"address", "127.0.0.1:8080"}, {"service", "site"}, {"accepted", 0}, {"paused", false}});
  REQUIRE(json["workers"].size() == 1);
  const Json& worker = json["workers"][0];
  for (const char* field : {"slot", "incarnation", "generation", "pid", "state", "connections", "queued",
                            "taken", "requests", "rss_bytes", "cpu_seconds", "uptime_seconds", "doing"}) {
    CAPTURE(field);
    CHECK(worker.contains(field));
  }
  for (const char* field : {"requests", "workers_wanted", "restarts_by", "last_reload_successful", "dispatch_wait",
                            "master", "in_progress", "waiting", "finished", "lost_by"}) {
    CAPTURE(field);  // what the dashboard is made of
    CHECK(json.contains(field));
  }
  CHECK(json["requests"] == 42 + 7);  // and those of the worker before
  CHECK(json["dispatch_wait"]["counts"].size() == json["dispatch_wait"]["le_seconds"].size() + 1);
  CHECK(json["dispatch_wait"]["counts"][0] == 1);
  CHECK(worker["heartbeat_age_seconds"].get<double>() == doctest::Approx(0.25));
  CHECK(worker["state"] == "retiring");
  CHECK(worker["connections"] == 3);
  CHECK(worker["queued"] == 3);
  CHECK(worker["cpu_seconds"] == 1.5);
  CHECK(worker["doing"].get<std::string>().starts_with("nothing; last: GET /\xef\xbf\xbd\"\n from"));
}

TEST_CASE("the master's answer names no worker") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  const std::string text = StatusJson(board.Value(), std::nullopt, Now());
  CHECK_FALSE(Json::parse(text).contains("answered_by"));
  CHECK(text.find('\n') == text.size() - 1);  // one line: the control protocol relies on it
}

}  // namespace
}  // namespace preforkd
