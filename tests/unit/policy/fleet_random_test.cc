// Fleet under random walks: 10^5 events of a world that does everything at the worst moment, with the
// invariants checked after each. The seed is in every message: a failure repeats.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <random>
#include <set>

#include "tests/unit/policy/fleet_model.h"

namespace preforkd {
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
    model_.Begin(1 + Pick(6));
    model_.MakeReady(model_.Processes().begin()->second.id);  // it shall not give up before it has begun
  }

  void Step() {
    const std::uint32_t ready_before = model_.ReadyInService();
    const Generation serving_before = model_.Serving();
    const bool innocent = Event();
    CheckGenerations();
    // A reload or a replacement, however it ends, takes nobody out of service before there is another.
    if (innocent && model_.ReadyInService() < ready_before) {
      const bool enough = model_.ReadyInService() >= model_.Under().Desired();
      if (!enough)
        throw std::logic_error(fmt::format("{} ready of {} after a change that nobody died of (g{} to g{})",
                                           model_.ReadyInService(), model_.Under().Desired(),
                                           Raw(serving_before), Raw(model_.Serving())));
    }
  }

  // Every process does what it should from now on; as many as are wanted must serve in the end.
  void Quiesce() {
    model_.FailForks(0);
    for (int round = 0; round < 1000; ++round) {
      LetAllDoTheirDuty();
      if (!model_.Under().NextDeadline()) break;
      model_.AdvanceToDeadline();
    }
    LetAllDoTheirDuty();
    CheckExtras();
    while (model_.Under().Extras() > 0) model_.ReleaseExtra();
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
        model_.Reload(1 + Pick(6));
      } else {
        // One in four goes on with the workers that it finds, as a program that has come back does.
        model_.Upgrade(Pick(4) == 0 ? std::nullopt : std::optional(1 + Pick(6)));
      }
      return true;
    }
    if (dice < 10) {
      model_.Scale(1 + Pick(6));
      return false;
    }
    if (dice < 14) {
      Pick(2) == 0 ? model_.AddExtra() : model_.ReleaseExtra();
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
      const bool extra = model_.Under().Find(process.id)->extra;  // nobody takes its place
      model_.AskReplacement(process.id);
      return !extra;
    }
    const bool expected = process.retired || !process.ready;
    if (process.killed || process.retired || Pick(3) == 0) model_.Die(process.id, Pick(2) == 0);
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
        model_.Die(process.id, true);
      } else if (!process.ready) {
        model_.MakeReady(process.id);
      }
    }
  }

  // They come on top of the desired number, all of the generation in service.
  void CheckExtras() {
    const std::uint32_t wanted = model_.Under().Desired() + model_.Under().Extras();
    if (model_.ReadyInService() != wanted) {
      throw std::logic_error(fmt::format("{} ready with {} extras; {} wanted", model_.ReadyInService(),
                                         model_.Under().Extras(), wanted));
    }
  }

  void CheckQuiet() {
    const std::uint32_t desired = model_.Under().Desired();
    const auto alive = static_cast<std::uint32_t>(model_.Processes().size());
    if (model_.ReadyInService() != desired || alive != desired || model_.Under().Changing()) {
      throw std::logic_error(
          fmt::format("at rest {} processes, {} of them ready in service; wanted {}; changing {}", alive,
                      model_.ReadyInService(), desired, model_.Under().Changing()));
    }
  }

  FleetModel model_;
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("a hundred walks of a thousand events: no decision is ever wrong, and peace is always found") {
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

}  // namespace preforkd
