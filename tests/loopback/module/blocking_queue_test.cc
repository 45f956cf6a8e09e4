// Requests of a blocking module that find no thread, or others before them in the master: they are handed
// back unbegun, and what they take along.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/loopback/http/later_bed.h"
#include "tests/loopback/module/blocking_bed.h"
#include "worker/http/idle_context.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

// A worker of a pool: its master queues what waits for a thread.
struct Pooled : Blocking {
  explicit Pooled(HttpModuleBed::Call handle, HttpModuleOptions options = {})
      : Blocking(std::move(handle), std::move(options)), pool(Env().scoreboard.UsePool(kMainPool)) {
    Env().row.pool = Raw(kMainPool);
    Env().master.thread_free = [this] { ++told; };
  }
  WorkerEnv& Env() { return bed.http->Env(); }
  bool Passes(Duration time) {
    return Until([end = Now() + time] { return Now() > end; });
  }
  // When the request that went last must be answered.
  // One waits in the master, for so long.
  void OthersWait(Duration time) {
    Set(pool.thread_queue, 1);
    Set(pool.thread_queue_since_ns, static_cast<std::uint64_t>(ToNanoseconds(Now() - time)));
  }
  void NobodyWaits() {
    Set(pool.thread_queue, 0);
    Set(pool.thread_queue_since_ns, 0);
  }
  Time AnswerBy() {
    const auto by = http::UnpackIdle(bed.http->LastLuggage().context).answer_by;
    REQUIRE(by);
    return *by;
  }

  PoolRow& pool;
  std::atomic<int> told{0};
};

TEST_CASE("requests that find no thread are handed back after a moment, though nobody else has one") {
  Gate gate;
  Pooled pooled(
      [&](pfd_request* request) {
        gate.Wait();
        Respond(request, Path(request));
      },
      Timeout("20s"));
  const Time start = Now();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(pooled.bed.Ask(Get("/" + std::to_string(i))));
  REQUIRE(pooled.Until([&] { return pooled.bed.http->Travelled() == 4; }));
  CHECK(Now() - start >= milliseconds(2));
  const Luggage luggage = pooled.bed.http->LastLuggage();
  CHECK(luggage.unbegun);
  CHECK(luggage.wake);
  CHECK(pooled.AnswerBy() - start >= milliseconds(20'000));
  CHECK(pooled.AnswerBy() - Now() <= milliseconds(20'000));
  CHECK(luggage.idle_left <= milliseconds(20'000));
  CHECK(luggage.idle_left >= milliseconds(10'000));
  CHECK(preforkd::Get(pooled.Row().requests_waiting) == 0);
  // The time does not start again with a journey.
  const Time by = pooled.AnswerBy();
  pooled.bed.http->Resume();
  REQUIRE(pooled.Until([&] { return pooled.bed.http->Travelled() == 4; }));
  CHECK(pooled.AnswerBy() == by);
  pooled.bed.http->Resume();
  gate.Open();
  for (const auto& client : clients) CHECK(pooled.bed.Answers(*client, 1));
  CHECK(pooled.bed.handled == 5);
}

TEST_CASE("where the master does not queue, they stay: client-hash, a stop") {
  Gate gate;
  Pooled pooled([&](pfd_request* request) {
    gate.Wait();
    Respond(request, Path(request));
  });
  SUBCASE("client-hash") {
    Config config = *pooled.Env().config;
    config.dispatch.policy = DispatchPolicy::kClientHash;
    pooled.Env().config = std::make_shared<const Config>(std::move(config));
  }
  SUBCASE("a stop") { pooled.Env().scoreboard.Master().state = MasterState::kStopping; }
  pooled.OthersWait(std::chrono::hours(1));
  const auto first = pooled.bed.Ask(Get("/first"));
  const auto second = pooled.bed.Ask(Get("/second"));
  CHECK(pooled.Passes(milliseconds(20)));
  CHECK(pooled.bed.http->Travelled() == 0);
  gate.Open();
  CHECK(pooled.bed.Answers(*first, 1));
  CHECK(pooled.bed.Answers(*second, 1));
}

TEST_CASE("requests have just begun to wait in the master: a free thread begins what is here") {
  Pooled pooled([](pfd_request* request) { Respond(request, Path(request)); });
  const auto client = pooled.bed.Ask(Get("/1"));
  REQUIRE(pooled.bed.Answers(*client, 1));
  pooled.OthersWait(milliseconds(-1000));  // and will have for a second, as far as we are concerned
  pooled.bed.http->Exchange(*client, Get("/2") + Get("/3"));
  REQUIRE(pooled.bed.Answers(*client, 3));
  CHECK(pooled.bed.http->Travelled() == 0);
}

TEST_CASE(
    "requests have waited long in the master: a quick client goes behind them, though a thread is free") {
  Pooled pooled([](pfd_request* request) { Respond(request, Path(request)); });
  const auto client = pooled.bed.Ask(Get("/1"));
  REQUIRE(pooled.bed.Answers(*client, 1));
  pooled.OthersWait(std::chrono::seconds(1));
  // Two at once: the second one may not take the thread of the first one.
  pooled.bed.http->Exchange(*client, Get("/2") + Get("/3"));
  REQUIRE(pooled.Until([&] { return pooled.bed.http->Travelled() == 1; }));
  CHECK(pooled.bed.http->LastLuggage().unread == Get("/2") + Get("/3"));
  CHECK(pooled.bed.handled == 1);
  // It has waited its turn; the one behind it has not.
  pooled.bed.http->Resume();
  REQUIRE(pooled.Until([&] { return pooled.bed.http->Travelled() == 1; }));
  CHECK(pooled.bed.handled == 2);
  CHECK(pooled.bed.http->LastLuggage().unread == Get("/3"));
  pooled.NobodyWaits();
  pooled.bed.http->Resume();
  REQUIRE(pooled.bed.Answers(*client, 3));
}

TEST_CASE("a free thread is told of, but only if requests wait in the master and none waits here") {
  Gate gate;
  Pooled pooled([&](pfd_request* request) {
    if (Path(request) == "/wait") gate.Wait();
    Respond(request, Path(request));
  });
  const auto client = pooled.bed.Ask(Get("/1"));
  REQUIRE(pooled.bed.Answers(*client, 1));
  REQUIRE(pooled.Until([&] { return preforkd::Get(pooled.Row().threads_busy) == 0; }));
  CHECK(pooled.told == 0);
  const auto waits = pooled.bed.Ask(Get("/wait"));
  REQUIRE(pooled.Until([&] { return gate.Waiting() == 1; }));
  pooled.OthersWait(Duration(0));
  gate.Open();
  REQUIRE(pooled.bed.Answers(*waits, 1));
  CHECK(pooled.Until([&] { return pooled.told == 1; }));
}

TEST_CASE("a request that comes when its time is over: 504, and the worker stays") {
  Gate gate;
  Pooled pooled([&](pfd_request* request) {
    gate.Wait();
    Respond(request, Path(request));
  });
  const auto busy = pooled.bed.Ask(Get("/busy"));
  REQUIRE(pooled.Until([&] { return gate.Waiting() == 1; }));
  const Time now = Now();
  const auto late = pooled.bed.http->Connect(
      SocketKind::kUnix,
      {.unread = Get("/late"), .context = http::PackIdle({now + std::chrono::hours(1), 0, now})});
  REQUIRE(pooled.bed.Answers(*late, 1));
  CHECK(pooled.bed.answers[0].status == 504);
  CHECK(pooled.bed.http->Travelled() == 0);
  CHECK(pooled.bed.replaced == 0);
  gate.Open();
  CHECK(pooled.bed.Answers(*busy, 1));
  CHECK(pooled.bed.handled == 1);
  // The time of its wait is not that of its handler.
  const auto in_time = pooled.bed.http->Connect(
      SocketKind::kUnix,
      {.unread = Get("/in_time"), .context = http::PackIdle({now + std::chrono::hours(1), 0, now})});
  REQUIRE(pooled.bed.Answers(*in_time, 1));
  CHECK(pooled.bed.answers[0].status == 200);
}

TEST_CASE("a client that leaves while its request waits breaks nothing") {
  Gate gate;
  Pooled pooled([&](pfd_request* request) {
    gate.Wait();
    Respond(request, Path(request));
  });
  const auto busy = pooled.bed.Ask(Get("/busy"));
  REQUIRE(pooled.Until([&] { return gate.Waiting() == 1; }));
  const auto leaves = pooled.bed.Ask(Get("/leaves"), SocketKind::kTcp);
  leaves->Reset();
  CHECK(pooled.Passes(milliseconds(20)));
  gate.Open();
  CHECK(pooled.bed.Answers(*busy, 1));
}

}  // namespace
}  // namespace preforkd::testing
