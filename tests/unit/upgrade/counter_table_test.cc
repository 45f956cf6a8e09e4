// The numbers of the counters of modules: kept over reloads and upgrades, finite, and checked in advance.
#include "master/change/counter_table.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/scoreboard/foreign_board.h"
#include "common/scoreboard/ledger.h"
#include "master/change/generations.h"

namespace preforkd::testing {
namespace {

ServiceConfig Service(std::string name, const std::vector<std::string>& counters) {
  ServiceConfig service;
  service.name = std::move(name);
  service.module.emplace();
  for (const std::string& counter : counters)
    service.module->counters.push_back({counter, "Help of " + counter});
  return service;
}

Config With(std::vector<ServiceConfig> services) {
  Config config;
  config.services = std::move(services);
  return config;
}

std::vector<std::string> Names(int first, int count) {
  std::vector<std::string> names;
  for (int i = first; i < first + count; ++i) names.push_back(fmt::format("c{}", i));
  return names;
}

}  // namespace

TEST_CASE("service and counter together have one number, whatever the order and the other counters") {
  const Scoreboard board = Scoreboard::Create().Value();
  CounterTable table(board);
  CHECK(table.NumbersOf(Service("shop", {"orders", "errors"})) == CounterNumbers{0, 1});
  CHECK(table.NumbersOf(Service("bank", {"errors"})) == CounterNumbers{2});
  CHECK(table.NumbersOf(Service("shop", {})).empty());
  CHECK(table.NumbersOf(Service("shop", {"errors", "fresh", "orders"})) == CounterNumbers{1, 3, 0});
  REQUIRE(board.ModuleCounterRows().size() == 4);
  CHECK(board.ModuleCounterRows()[3].service.Read() == "shop");
  CHECK(board.ModuleCounterRows()[3].name.Read() == "fresh");
  ServiceConfig reworded = Service("bank", {"errors"});
  reworded.module->counters[0].help = "In other words";
  CHECK(table.NumbersOf(reworded) == CounterNumbers{2});
  CHECK(board.ModuleCounterRows()[2].help.Read() == "In other words");
}

TEST_CASE("too many counters are refused in advance; without that they have no number, and nothing breaks") {
  const Scoreboard board = Scoreboard::Create().Value();
  CounterTable table(board);
  const Config most = With({Service("a", Names(0, 64)), Service("b", Names(0, 64))});
  REQUIRE(table.HasRoomFor(most).Ok());
  CHECK_FALSE(table.HasRoomFor(With({Service("a", Names(0, 64)), Service("b", Names(0, 65))})).Ok());
  for (const ServiceConfig& service : most.services) (void)table.NumbersOf(service);
  CHECK(table.HasRoomFor(most).Ok());
  CHECK(table.HasRoomFor(With({Service("b", Names(3, 4))})).Ok());
  const Status refused = table.HasRoomFor(With({Service("b", {"one_more", "c1"})}));
  REQUIRE_FALSE(refused.Ok());
  CHECK(refused.Err().text ==
        "counters of modules: 1 are new, 128 have been used since the start, the limit is 128; restart the "
        "server to use others");
  CHECK(table.NumbersOf(Service("b", {"one_more", "c1"})) == CounterNumbers{kNoCounterNumber, 65});
  CHECK(board.ModuleCounterRows().size() == kMaxModuleCounters);
}

TEST_CASE("a generation has the numbers of its services, and one with too many counters is refused") {
  const Scoreboard board = Scoreboard::Create().Value();
  Result<EventLoop> loop = EventLoop::Create();
  REQUIRE(loop.Ok());
  Generations generations(loop.Value(), board);
  const auto config = [](std::vector<ServiceConfig> services) {
    auto made = std::make_shared<Config>(With(std::move(services)));
    made->pools[0].workers = 1;
    return made;
  };
  const auto first = config({Service("plain", {}), Service("shop", {"orders"})});
  REQUIRE(generations.HasNumbersFor(*first).Ok());
  generations.Begin({first}, {});
  const std::map<ServiceId, CounterNumbers> of_shop = {{generations.ServiceOf("shop"), {0}}};
  CHECK(generations.Serving().counters == of_shop);
  generations.Prepare(config({Service("bank", {"orders"}), Service("shop", {"errors", "orders"})}), {});
  CHECK(generations.Coming().counters ==
        std::map<ServiceId, CounterNumbers>{{generations.ServiceOf("bank"), {1}},
                                            {generations.ServiceOf("shop"), {2, 0}}});
  generations.Abandon();
  CHECK_FALSE(generations.HasNumbersFor(*config({Service("more", Names(0, 126))})).Ok());
  CHECK(generations.HasNumbersFor(*config({Service("more", Names(0, 125))})).Ok());
}

TEST_CASE("the next program keeps numbers, names and counts, of running and of ended workers") {
  const Scoreboard old_board = Scoreboard::Create().Value();
  CounterTable old_table(old_board);
  (void)old_table.NumbersOf(Service("shop", {"orders", "errors"}));
  (void)old_table.NumbersOf(Service("bank", {"orders"}));
  WorkerRow& row = old_board.Use(Slot{0});
  Set(row.module_counts[2], 5);
  (void)Ledger(old_board.Master()).WorkerEnded(row, 0, LossReason::kCrash);
  Set(row.module_counts[2], 7);
  UpgradeState saved;
  old_table.Save(saved);
  CHECK(saved.module_counters == std::vector<SavedCounter>{{"shop", "orders", "Help of orders"},
                                                           {"shop", "errors", "Help of errors"},
                                                           {"bank", "orders", "Help of orders"}});

  const Scoreboard board = Scoreboard::Create().Value();
  CounterTable table(board);
  table.Restore(saved);
  CHECK(table.NumbersOf(Service("bank", {"fresh", "orders"})) == CounterNumbers{3, 2});
  const auto foreign =
      ForeignBoard::Map(UniqueFd(::fcntl(old_board.Fd(), F_DUPFD_CLOEXEC, 0)), board.Master()).Value();
  foreign->CopyTotals();
  CHECK(Get(board.Master().module_counts_before[2]) == 5);
  REQUIRE(foreign->Mirror(Slot{0}, board.Use(Slot{0})).Ok());
  CHECK(Get(board.Row(Slot{0}).module_counts[2]) == 7);
}

TEST_CASE("random walk over workers, reloads and upgrades: no sum ever goes back or counts for another") {
  std::mt19937 random(17);
  auto board = std::make_unique<Scoreboard>(Scoreboard::Create().Value());
  auto table = std::make_unique<CounterTable>(*board);
  std::map<std::pair<std::string, std::string>, std::uint64_t> counted;
  ServiceConfig service = Service("s0", {"c0"});
  CounterNumbers numbers = table->NumbersOf(service);
  for (int step = 0; step < 3000; ++step) {
    const auto slot = Slot{static_cast<std::uint32_t>(random() % 3)};
    switch (random() % 8) {
      case 0: {  // a reload, perhaps with other counters
        service = Service(fmt::format("s{}", random() % 4), Names(static_cast<int>(random() % 6), 5));
        numbers = table->NumbersOf(service);
        break;
      }
      case 1: (void)Ledger(board->Master()).WorkerEnded(board->Use(slot), 0, LossReason::kCrash); break;
      case 2: {
        if (step % 20 != 0) break;
        // An upgrade; the workers have ended before it.
        for (std::uint32_t i = 0; i < 3; ++i)
          (void)Ledger(board->Master()).WorkerEnded(board->Use(Slot{i}), 0, LossReason::kCrash);
        UpgradeState saved;
        table->Save(saved);
        auto next = std::make_unique<Scoreboard>(Scoreboard::Create().Value());
        auto next_table = std::make_unique<CounterTable>(*next);
        next_table->Restore(saved);
        ForeignBoard::Map(UniqueFd(::fcntl(board->Fd(), F_DUPFD_CLOEXEC, 0)), next->Master())
            .Value()
            ->CopyTotals();
        table = std::move(next_table);
        board = std::move(next);
        numbers = table->NumbersOf(service);
        break;
      }
      default: {
        const std::uint32_t index = static_cast<std::uint32_t>(random() % service.Counters().size());
        ModuleCounters(board->Use(slot), numbers).Add(index, 1 + random() % 9);
        break;
      }
    }
    for (std::size_t i = 0; i < board->ModuleCounterRows().size(); ++i) {
      std::uint64_t sum = Get(board->Master().module_counts_before[i]);
      for (std::uint32_t each = 0; each < board->SlotsUsed(); ++each)
        sum += Get(board->Row(Slot{each}).module_counts[i]);
      std::uint64_t& before =
          counted[{board->ModuleCounterRows()[i].service.Read(), board->ModuleCounterRows()[i].name.Read()}];
      REQUIRE(sum >= before);
      REQUIRE(sum <= before + 9);
      before = sum;
    }
  }
  CHECK(counted.size() > 20);
}

}  // namespace preforkd::testing
