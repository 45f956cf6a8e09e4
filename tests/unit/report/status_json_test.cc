// The scoreboard as JSON.
#include "common/report/status_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace preforkd::testing {
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
  Set(row.doing_conn, 1);

  const Json json = Json::parse(StatusJson(scoreboard, Slot{9}, now));
  for (const char* field :
       {"version", "pid", "uptime_seconds", "generation", "state", "accepted", "parked", "lost", "reclaimed",
        "handed_over", "handed_back", "restarts", "listeners", "pools", "workers"}) {
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
  for (const char* field :
       {"pool", "slot", "incarnation", "generation", "pid", "state", "connections", "queued", "taken",
        "requests", "rss_bytes", "cpu_seconds", "uptime_seconds", "doing"}) {
    CAPTURE(field);
    CHECK(worker.contains(field));
  }
  for (const char* field : {"requests", "workers_wanted", "restarts_by", "last_reload_successful",
                            "dispatch_wait", "master", "in_progress", "waiting", "finished", "lost_by"}) {
    CAPTURE(field);  // the dashboard needs it
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

TEST_CASE("application threads of a worker that has some: how many are busy, and what waits for one") {
  const Scoreboard board = Scoreboard::Create().Value();
  for (const std::uint32_t slot : {0U, 1U}) board.Use(Slot{slot}).state = SlotState::kReady;
  WorkerRow& row = board.Row(Slot{1});
  Set(row.threads, 4);
  Set(row.threads_busy, 3);
  Set(row.requests_waiting, 2);
  const Json json = Json::parse(StatusJson(board, std::nullopt, Now()));
  REQUIRE(json["workers"].size() == 2);
  CHECK_FALSE(json["workers"][0].contains("threads"));
  CHECK(json["workers"][1]["threads"] == Json{{"busy", 3}, {"of", 4}, {"waiting", 2}});
}

TEST_CASE("pools in the order of their numbers, with what is ready of each; workers name theirs") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  const Scoreboard& scoreboard = board.Value();
  const auto pool = [&](std::uint8_t number, const char* name, std::uint64_t wanted, std::uint64_t waiting) {
    PoolRow& row = scoreboard.UsePool(PoolId{number});
    row.used = true;
    row.name.Write(name);
    row.kind.Write("services");
    row.state = PoolState::kServing;
    Set(row.workers_wanted, wanted);
    Set(row.workers_max, 4 * wanted);
    Set(row.queue_length, waiting);
  };
  pool(2, "app", 2, 7);
  pool(1, "left", 1, 0);
  scoreboard.Pools()[1].used = false;  // of an earlier configuration
  pool(0, "main", 3, 0);
  scoreboard.Pools()[2].state = PoolState::kDegraded;
  const auto worker = [&](std::uint32_t slot, std::uint64_t of, SlotState state) {
    WorkerRow& row = scoreboard.Use(Slot{slot});
    row.state = state;
    Set(row.pool, of);
  };
  worker(0, 2, SlotState::kGone);
  worker(1, 0, SlotState::kReady);
  worker(2, 1, SlotState::kRetiring);
  worker(3, 0, SlotState::kReady);
  worker(4, 99, SlotState::kReady);  // from a misbehaving worker
  MasterPage& master = scoreboard.Master();
  Add(master.restarts[2][RestartReason::kCrash], 5);
  Add(master.restarts[1][RestartReason::kCrash], 2);
  const Json json = Json::parse(StatusJson(scoreboard, std::nullopt, Now()));
  CHECK(json["restarts"] == 7);  // those of a pool that has left stay
  CHECK(json["restarts_by"]["crash"] == 7);
  CHECK(json["pools"] == Json::parse(R"([
      {"name": "main", "kind": "services", "state": "serving", "workers_wanted": 3, "workers_max": 12, "ready": 2,
       "waiting": 0, "gathers": false, "restarts": 0},
      {"name": "app", "kind": "services", "state": "degraded", "workers_wanted": 2, "workers_max": 8, "ready": 0,
       "waiting": 7, "gathers": false, "restarts": 5}])"));
  CHECK(json["workers_wanted"] == 5);
  std::string pools;
  for (const Json& each : json["workers"]) pools += each["pool"].get<std::string>() + " ";
  CHECK(pools == "app main left main  ");
}

TEST_CASE("certificates, where the process that answers tells of them") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  const Json without = Json::parse(StatusJson(board.Value(), std::nullopt, Now()));
  CHECK_FALSE(without.contains("certificates"));
  AllCertificateFacts facts(2);
  facts[0].chain = "/etc/a.pem";
  facts[0].names = {"a.example", "\xff"};
  facts[0].not_after = 1800000000;
  facts[0].ends_first = 2;
  const Json with = Json::parse(StatusJson(board.Value(), std::nullopt, Now(), &facts));
  REQUIRE(with["certificates"].size() == 2);
  const Json& first = with["certificates"][0];
  CHECK(first["chain"] == "/etc/a.pem");
  CHECK(first["names"] == Json{"a.example", "\xEF\xBF\xBD"});
  CHECK(first["not_after"] == 1800000000);
  CHECK(first["ends_first"] == 2);
  for (const char* field : {"subject", "issuer", "key", "fingerprint", "not_before", "staple", "staple_ends"})
    CHECK(first.contains(field));
}

TEST_CASE("the master's answer names no worker") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  const std::string text = StatusJson(board.Value(), std::nullopt, Now());
  CHECK_FALSE(Json::parse(text).contains("answered_by"));
  CHECK(text.find('\n') == text.size() - 1);  // one line: the control protocol relies on it
}

}  // namespace
}  // namespace preforkd::testing
