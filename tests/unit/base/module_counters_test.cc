// The counters of modules in a worker's row: several threads add, unknown counters are ignored.
#include "common/scoreboard/module_counters.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <thread>

#include "common/scoreboard/ledger.h"

namespace preforkd::testing {

TEST_CASE("a counter is found by its number, and one without a number or beyond the table is ignored") {
  const auto row = std::make_unique<WorkerRow>();
  ModuleCounters counters(*row, {7, kNoCounterNumber, 127});
  counters.Add(0, 3);
  counters.Add(0, 4);
  counters.Add(1, 5);
  counters.Add(2, 6);
  counters.Add(3, 7);
  counters.Add(0xFFFF'FFFF, 8);
  std::uint64_t sum = 0;
  for (const Counter& count : row->module_counts) sum += Get(count);
  CHECK(Get(row->module_counts[7]) == 7);
  CHECK(Get(row->module_counts[127]) == 6);
  CHECK(sum == 13);
  ModuleCounters none(*row, {});
  none.Add(0, 1);
  CHECK(Get(row->module_counts[0]) == 0);
}

TEST_CASE("no count is lost with several threads") {
  const auto row = std::make_unique<WorkerRow>();
  ModuleCounters counters(*row, {0});
  std::array<std::thread, 4> threads;
  for (std::thread& thread : threads) {
    thread = std::thread([&counters] {
      for (int i = 0; i < 100'000; ++i) counters.Add(0, 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(Get(row->module_counts[0]) == 400'000);
}

TEST_CASE("when a worker has ended its counts are kept, and the next one begins at 0") {
  const Scoreboard board = Scoreboard::Create().Value();
  Ledger ledger(board.Master());
  WorkerRow& row = board.Use(Slot{0});
  ModuleCounters counters(row, {2});
  for (const std::uint64_t sum : {10U, 20U}) {
    ledger.WorkerBegins(row, Incarnation{1}, Generation{1}, PoolId{static_cast<std::uint8_t>(sum)}, Now());
    counters.Add(0, 10);
    (void)ledger.WorkerEnded(row, 0, LossReason::kCrash);
    CHECK(Get(row.module_counts[2]) == 0);
    CHECK(Get(board.Master().module_counts_before[2]) == sum);
  }
}

TEST_CASE("numbers are given in order, and show with their names") {
  const Scoreboard board = Scoreboard::Create().Value();
  CHECK(board.ModuleCounterRows().empty());
  board.AddModuleCounter("shop", "orders", "Orders.");
  board.AddModuleCounter("bank", "orders", "Transfers.");
  REQUIRE(board.ModuleCounterRows().size() == 2);
  CHECK(board.ModuleCounterRows()[1].service.Read() == "bank");
  CHECK(board.ModuleCounterRows()[1].name.Read() == "orders");
  CHECK(board.ModuleCounterRows()[0].help.Read() == "Orders.");
  board.Master().module_counters_used = 0xFFFF'FFFF;  // no reader goes beyond the table
  CHECK(board.ModuleCounterRows().size() == kMaxModuleCounters);
}

}  // namespace preforkd::testing
