// Fleet under random walks: 10^5 events of a world that does everything at the worst moment, with pools that
// come and go. The invariants are checked after each. The seed is in every message: a failure repeats.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/unit/policy/fleet_model.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Walk {
 public:
  explicit Walk(std::uint32_t seed) : model_(seed), random_(seed) {
    model_.settings.start_timeout = milliseconds(500);
    model_.settings.drain_timeout = milliseconds(500);
    model_.settings.backoff_min = milliseconds(10);
    model_.settings.backoff_max = seconds(1);
    model_.Begin(PickPools());
    BringUpAll();  // it must not give up before it has started
  }

  void Step() {
    FleetModel::Pools ready_before;
    for (const auto& [pool, workers] : model_.PoolsServing())
      ready_before[pool] = model_.ReadyInService(pool);
    const Generation serving_before = model_.Serving();
    const bool innocent = Event();
    CheckGenerations();
    CheckNumbers();
    if (!innocent) return;
    // A reload or a replacement, however it ends, retires no worker before its successor is ready.
    for (const auto& [pool, workers] : model_.PoolsServing()) {
      const std::uint32_t ready = model_.ReadyInService(pool);
      if (ready >= ready_before[pool] || ready >= model_.Under().Desired(pool)) continue;
      throw std::logic_error(
          fmt::format("pool {}: {} ready of {} after a change that ended no worker (g{} to g{})", Raw(pool),
                      ready, model_.Under().Desired(pool), Raw(serving_before), Raw(model_.Serving())));
    }
  }

  // Every process works correctly from now on; the wanted number must serve in the end.
  void Quiesce() {
    model_.FailForks(0);
    for (int round = 0; round < 1000; ++round) {
      LetAllDoTheirDuty();
      if (!model_.Under().NextDeadline()) break;
      model_.AdvanceToDeadline();
    }
    LetAllDoTheirDuty();
    CheckExtras();
    for (const auto& [pool, workers] : model_.PoolsServing()) {
      while (model_.Under().Extras(pool) > 0) model_.ReleaseExtra(pool);
    }
    LetAllDoTheirDuty();
    CheckQuiet();
  }

  void StopAndFinish() {
    model_.Stop(false);
    for (int round = 0; round < 1000 && !model_.Finished(); ++round) LetAllDoTheirDuty();
    if (!model_.Finished()) throw std::logic_error("a stop that never ends");
  }

 private:
  std::uint32_t Pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  // One to three of four pools, with one to four workers each.
  FleetModel::Pools PickPools() {
    FleetModel::Pools pools;
    for (std::uint32_t i = 0; i <= Pick(3); ++i) pools[static_cast<PoolId>(Pick(4))] = 1 + Pick(4);
    return pools;
  }

  PoolId PickPool() {
    auto entry = model_.PoolsServing().begin();
    std::advance(entry, Pick(static_cast<std::uint32_t>(model_.PoolsServing().size())));
    return entry->first;
  }

  void BringUpAll() {
    for (const auto& [slot, process] : std::map(model_.Processes())) model_.MakeReady(process.id);
  }

  FleetModel::Process PickProcess() {
    auto entry = model_.Processes().begin();
    std::advance(entry, Pick(static_cast<std::uint32_t>(model_.Processes().size())));
    return entry->second;
  }

  // True when the event must not cost a ready worker.
  bool Event() {
    const std::uint32_t dice = Pick(100);
    if (dice < 8) {
      model_.FailForks(Pick(10) == 0 ? 1 : 0);
      if (!model_.Under().MayReload()) return true;
      if (Pick(3) > 0) {
        model_.Reload(PickPools());
      } else {
        // One in four goes on with the existing workers, like a program that was returned to.
        model_.Upgrade(Pick(4) == 0 ? std::nullopt : std::optional(PickPools()));
      }
      return true;
    }
    if (dice < 10) {
      model_.Scale(1 + Pick(6), PickPool());
      return false;
    }
    if (dice < 14) {
      Pick(2) == 0 ? model_.AddExtra(PickPool()) : model_.ReleaseExtra(PickPool());
      return false;  // an extra that is released was ready
    }
    if (dice < 35) {
      model_.Advance(milliseconds(Pick(300)));
      return true;
    }
    if (model_.Processes().empty()) return true;
    const FleetModel::Process process = PickProcess();
    if (dice < 75) {
      if (!process.ready && !process.killed) model_.MakeReady(process.id);
      return true;
    }
    if (dice < 85) {
      const bool extra = model_.Under().Find(process.id)->extra;  // it is not replaced
      model_.AskReplacement(process.id);
      return !extra;
    }
    const bool expected = process.retired || !process.ready;
    if (process.killed || process.retired || Pick(3) == 0) model_.Exit(process.id, Pick(2) == 0);
    return expected;
  }

  // Never more than two generations wanted, and never processes of more than two.
  void CheckGenerations() {
    std::set<Generation> alive;
    for (const auto& [slot, process] : model_.Processes()) alive.insert(process.generation);
    if (alive.size() > 2) throw std::logic_error("processes of three generations at once");
    std::set<Generation> wanted;
    for (const Fleet::Record& record : model_.Under().Records()) {
      if (record.wanted) wanted.insert(record.generation);
      if (record.wanted && record.state == WorkerState::kRetiring)
        throw std::logic_error("wanted and retiring");
    }
    if (wanted.size() > 2) throw std::logic_error("three generations at once");
  }

  void LetAllDoTheirDuty() {
    for (const auto& [slot, process] : std::map(model_.Processes())) {
      const auto still = model_.Processes().find(slot);
      if (still == model_.Processes().end() || still->second.id != process.id) continue;
      if (still->second.retired || still->second.killed) {
        model_.Exit(process.id, true);
      } else if (!process.ready) {
        model_.MakeReady(process.id);
      }
    }
  }

  // In each pool: never more than desired, those whose replacement is on the way, and extras. None is left of
  // a removed pool except those that are told to retire.
  void CheckNumbers() {
    std::map<PoolId, std::uint32_t> staying;
    for (const auto& [slot, process] : model_.Processes()) {
      if (process.generation == model_.Serving() && !process.retired) ++staying[process.pool];
    }
    for (const auto& [pool, count] : staying) {
      std::uint32_t allowed = model_.Under().Desired(pool) + model_.Under().Extras(pool);
      for (const Fleet::Record& record : model_.Under().Records()) {
        if (record.pool == pool && record.leaving) ++allowed;
      }
      if (count > allowed) {
        throw std::logic_error(fmt::format("pool {}: {} workers, {} allowed", Raw(pool), count, allowed));
      }
    }
  }

  // They come on top of the desired number, all of the generation in service.
  void CheckExtras() {
    for (const auto& [pool, workers] : model_.PoolsServing()) {
      const std::uint32_t wanted = model_.Under().Desired(pool) + model_.Under().Extras(pool);
      if (model_.ReadyInService(pool) == wanted) continue;
      throw std::logic_error(fmt::format("pool {}: {} ready with {} extras; {} wanted", Raw(pool),
                                         model_.ReadyInService(pool), model_.Under().Extras(pool), wanted));
    }
  }

  void CheckQuiet() {
    std::size_t wanted = 0;
    for (const auto& [pool, workers] : model_.PoolsServing()) {
      const std::uint32_t desired = model_.Under().Desired(pool);
      wanted += desired;
      if (model_.ReadyInService(pool) == desired) continue;
      throw std::logic_error(fmt::format("at rest {} ready in pool {}; wanted {}",
                                         model_.ReadyInService(pool), Raw(pool), desired));
    }
    if (model_.Processes().size() == wanted && !model_.Under().Changing()) return;
    throw std::logic_error(fmt::format("at rest {} processes; wanted {}; changing {}",
                                       model_.Processes().size(), wanted, model_.Under().Changing()));
  }

  FleetModel model_;
  std::mt19937 random_;
};

constexpr PoolId kOther{1};

// A fleet of two pools, 3 workers in each, under a script of exits, replacements and numbers in kMainPool.
class TwoPools {
 public:
  TwoPools(std::uint32_t seed, bool other_loops) : model_(seed), random_(seed), other_loops_(other_loops) {
    model_.settings.backoff_min = milliseconds(5);
    model_.settings.backoff_max = milliseconds(20);  // so short that the budget is used up
    model_.Begin({{kMainPool, 3}, {kOther, 3}});
    for (const auto& [slot, process] : std::map(model_.Processes())) model_.MakeReady(process.id);
  }

  void Step() {
    const auto dice = static_cast<std::uint32_t>(random_() % 100);
    const auto which = static_cast<std::uint32_t>(random_());
    const bool served = dice % 3 == 0;
    if (other_loops_) KillAllOf(kOther);
    const std::vector<WorkerId> own = Of(kMainPool);
    if (dice < 60 && !own.empty()) {
      model_.Exit(own[which % own.size()], served);
    } else if (dice < 80 && !own.empty()) {
      model_.MakeReady(own[which % own.size()]);
    } else if (dice < 82) {
      model_.Scale(1 + which % 5);
    } else {
      AdvanceBy(milliseconds(which % 200));
    }
  }

  [[nodiscard]] const std::vector<Time>& Starts(PoolId pool) const { return model_.Starts().at(pool); }

 private:
  // In steps of a millisecond: both runs look at the clock at the same times.
  void AdvanceBy(Duration span) {
    for (Duration passed{0}; passed < span; passed += milliseconds(1)) model_.Advance(milliseconds(1));
  }

  // In the order in which they were forked, which does not depend on the slots.
  std::vector<WorkerId> Of(PoolId pool) const {
    std::vector<WorkerId> found;
    for (const auto& [slot, process] : model_.Processes()) {
      if (process.pool == pool && !process.retired) found.push_back(process.id);
    }
    std::sort(found.begin(), found.end(),
              [](const WorkerId& a, const WorkerId& b) { return a.incarnation < b.incarnation; });
    return found;
  }

  void KillAllOf(PoolId pool) {
    for (const WorkerId& id : Of(pool)) model_.Exit(id, false);
  }

  FleetModel model_;
  std::mt19937 random_;
  bool other_loops_;
};

}  // namespace

TEST_CASE("a pool's crash loop moves no restart of another pool") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    TwoPools calm(seed, false);
    TwoPools looping(seed, true);
    for (int step = 0; step < 1000; ++step) {
      calm.Step();
      looping.Step();
    }
    CHECK(looping.Starts(kMainPool) == calm.Starts(kMainPool));
    CHECK(calm.Starts(kMainPool).size() > 100);
    CHECK(calm.Starts(kOther).size() == 3);
    CHECK(looping.Starts(kOther).size() > 100);
  }
}

TEST_CASE("a hundred walks of a thousand events: no decision is wrong, and the fleet always becomes stable") {
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Walk walk(seed);
    for (int step = 0; step < 1000; ++step) {
      CAPTURE(step);
      REQUIRE_NOTHROW(walk.Step());
    }
    REQUIRE_NOTHROW(walk.Quiesce());
    REQUIRE_NOTHROW(walk.StopAndFinish());
  }
}

}  // namespace preforkd::testing
