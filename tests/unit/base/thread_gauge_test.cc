// The account of application threads in a worker's row: what it writes, and what others read of it.
#include "common/scoreboard/thread_gauge.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>

#include "tests/support/thread_steps.h"

namespace preforkd::testing {
namespace {

struct World {
  std::unique_ptr<WorkerRow> row = std::make_unique<WorkerRow>();
  std::unique_ptr<LoadMarks> marks = std::make_unique<LoadMarks>();

  bool Marked() {
    SlotSet all;
    all.Add(Slot{3});
    bool marked = false;
    marks->Take(all, [&](Slot slot) { marked = slot == Slot{3}; });
    return marked;
  }
};

const Time kNow = FromNanoseconds(1'000);
const Time kLater = FromNanoseconds(2'000);

}  // namespace

TEST_CASE("a worker without application threads has none free") {
  const World world;
  CHECK(FreeThreads(*world.row) == 0);
  CHECK_FALSE(world.row->Serving());
}

TEST_CASE("threads become busy and free; each change is marked, and the row says since when none is free") {
  World world;
  ThreadSteps gauge(*world.row, *world.marks, Slot{3}, 2);
  const WorkerRow& row = *world.row;
  CHECK(FreeThreads(row) == 2);
  gauge.Started(kNow);
  CHECK(world.Marked());
  CHECK(FreeThreads(row) == 1);
  CHECK(Get(row.threads_busy_since_ns) == 0);
  CHECK(row.Serving());
  gauge.Started(kLater);
  CHECK(FreeThreads(row) == 0);
  CHECK(Get(row.threads_busy_since_ns) == 2'000);
  CHECK(world.Marked());
  gauge.Finished();
  CHECK(FreeThreads(row) == 1);
  CHECK(Get(row.threads_busy_since_ns) == 0);
  CHECK(world.Marked());
  gauge.Finished();
  CHECK(FreeThreads(row) == 2);
  CHECK_FALSE(row.Serving());
}

TEST_CASE("what is on its way to a thread leaves none free: connections in the channel, requests that wait") {
  World world;
  ThreadSteps gauge(*world.row, *world.marks, Slot{3}, 2);
  Set(world.row->handed_over, 5);
  Set(world.row->taken, 4);
  CHECK(FreeThreads(*world.row) == 1);
  gauge.Queued();
  CHECK(world.Marked());
  CHECK(FreeThreads(*world.row) == 0);
  gauge.Started(kNow);  // now there are fewer threads than things that want one
  CHECK(FreeThreads(*world.row) == 0);
  gauge.Unqueued();
  CHECK(world.Marked());
  CHECK(FreeThreads(*world.row) == 0);
  Set(world.row->taken, 5);
  CHECK(FreeThreads(*world.row) == 1);
}

TEST_CASE("a row that a misbehaving worker has written is no problem for a reader") {
  World world;
  Set(world.row->threads, 1);
  for (const std::uint64_t number : {std::uint64_t{2}, ~std::uint64_t{0}}) {
    Set(world.row->threads_busy, number);
    Set(world.row->requests_waiting, number);
    CHECK(FreeThreads(*world.row) == 0);
  }
}

TEST_CASE("a request is described while a thread serves it, although the loop waits") {
  World world;
  world.row->doing.Write("GET /slow");
  Set(world.row->doing_since_ns, 1'000);
  CHECK(world.row->DescribeDoing(500'001'000).starts_with("nothing; last: GET /slow"));
  ThreadSteps gauge(*world.row, *world.marks, Slot{3}, 1);
  gauge.Started(kNow);
  CHECK(world.row->DescribeDoing(500'001'000).starts_with("GET /slow for "));
  CHECK(world.row->DescribeDoing(500'001'000).ends_with(" for 0.500 s"));
}

TEST_CASE("whatever the order, the numbers are those of the model") {
  World world;
  ThreadSteps gauge(*world.row, *world.marks, Slot{3}, 3);
  std::mt19937 random(5);
  std::uint64_t busy = 0;
  std::uint64_t waiting = 0;
  std::uint64_t since = 0;
  for (std::uint64_t step = 1; step < 5'000; ++step) {
    switch (random() % 4) {
      case 0:
        if (busy == 3) break;
        gauge.Started(FromNanoseconds(static_cast<std::int64_t>(step)));
        if (++busy == 3) since = step;
        break;
      case 1:
        if (busy == 0) break;
        gauge.Finished();
        --busy;
        since = 0;
        break;
      case 2:
        gauge.Queued();
        ++waiting;
        break;
      default:
        if (waiting == 0) break;
        gauge.Unqueued();
        --waiting;
        break;
    }
    REQUIRE(Get(world.row->threads_busy) == busy);
    REQUIRE(Get(world.row->requests_waiting) == waiting);
    REQUIRE(Get(world.row->threads_busy_since_ns) == since);
    REQUIRE(FreeThreads(*world.row) == (busy + waiting > 3 ? 0 : 3 - busy - waiting));
  }
}

TEST_CASE("a free thread elsewhere: ready, of the same pool and generation, and not one's own") {
  const Scoreboard board = Scoreboard::Create().Value();
  constexpr Slot kOwn{1};
  for (std::uint32_t i = 0; i < 3; ++i) {
    WorkerRow& row = board.Use(Slot{i});
    row.state = SlotState::kReady;
    Set(row.generation, 7);
    Set(row.pool, 2);
    Set(row.threads, 1);
    Set(row.threads_busy, 1);
  }
  CHECK(FreeThreadsElsewhere(board, kOwn) == 0);
  Set(board.Row(kOwn).threads_busy, 0);
  CHECK(FreeThreadsElsewhere(board, kOwn) == 0);
  WorkerRow& other = board.Row(Slot{2});
  Set(other.threads_busy, 0);
  CHECK(FreeThreadsElsewhere(board, kOwn) == 1);
  Set(other.generation, 8);
  CHECK(FreeThreadsElsewhere(board, kOwn) == 0);
  board.Row(kOwn).state = SlotState::kRetiring;
  CHECK(FreeThreadsElsewhere(board, kOwn) == 1);
  board.Row(kOwn).state = SlotState::kReady;
  Set(other.generation, 7);
  Set(other.pool, 3);
  CHECK(FreeThreadsElsewhere(board, kOwn) == 0);
  Set(other.pool, 2);
  other.state = SlotState::kRetiring;
  CHECK(FreeThreadsElsewhere(board, kOwn) == 0);
  other.state = SlotState::kReady;
  Set(other.threads, 0);  // its handlers run in its loop
  CHECK(FreeThreadsElsewhere(board, kOwn) == 0);
}

}  // namespace preforkd::testing
