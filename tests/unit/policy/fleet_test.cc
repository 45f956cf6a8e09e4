// Fleet, scenario by scenario: events and the resulting actions, as one line of text.
#include "master/policy/fleet/fleet.h"

#include <doctest/doctest.h>

#include "tests/unit/policy/fleet_model.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

WorkerId Id(std::uint32_t slot, std::uint64_t incarnation) {
  return {static_cast<Slot>(slot), static_cast<Incarnation>(incarnation)};
}

// A fleet of two workers, 0.1 and 0.2, ready for long enough to have been of use.
void Serve(FleetModel& model) {
  model.Begin(2);
  model.MakeReady(Id(0, 1));
  model.MakeReady(Id(1, 2));
  model.Advance(seconds(60));
  (void)model.TakeStory();
}

}  // namespace

TEST_CASE("it begins with as many workers as are wanted") {
  FleetModel model(1);
  model.Begin(3);
  CHECK(model.TakeStory() == "spawn 0.1 g1, spawn 1.2 g1, spawn 2.3 g1");
  model.MakeReady(Id(1, 2));
  CHECK(model.TakeStory() == "booted g1");
  model.MakeReady(Id(0, 1));
  CHECK(model.TakeStory() == "");
}

TEST_CASE("a worker that has served is started again at once; one that has not has to wait") {
  FleetModel model(1);
  Serve(model);
  model.Exit(Id(0, 1), false);
  CHECK(model.TakeStory() == "spawn 0.3 g1");
  model.Exit(Id(0, 3), false);
  CHECK(model.TakeStory() == "");
  CHECK(model.Under().NextDeadline() <= model.Clock() + milliseconds(120));
  model.AdvanceToDeadline();
  CHECK(model.TakeStory() == "spawn 0.4 g1");
}

TEST_CASE("one served connection counts as having served, however short the time") {
  FleetModel model(1);
  Serve(model);
  model.Exit(Id(0, 1), false);
  model.MakeReady(Id(0, 3));
  (void)model.TakeStory();
  model.Exit(Id(0, 3), true);
  CHECK(model.TakeStory() == "spawn 0.4 g1");
}

TEST_CASE("a replacement without a free slot is refused, and reported") {
  Fleet fleet(2, 1);
  fleet.Begin(Generation{1}, {PoolTarget{.pool = kMainPool, .name = "main", .workers = 2, .settings = {}}},
              Time{});
  for (std::uint32_t slot : {0U, 1U}) fleet.Spawned(Slot{slot}, Incarnation{slot + 1}, Time{});
  for (std::uint32_t slot : {0U, 1U}) fleet.Ready(Id(slot, slot + 1), Time{});
  (void)fleet.TakeActions();
  CHECK_FALSE(fleet.Replace(Id(0, 1), Time{}));
  CHECK(fleet.TakeActions().empty());
  CHECK_FALSE(fleet.Find(Id(0, 1))->leaving);

  Fleet roomy(3, 1);
  roomy.Begin(Generation{1}, {PoolTarget{.pool = kMainPool, .name = "main", .workers = 1, .settings = {}}},
              Time{});
  roomy.Spawned(Slot{0}, Incarnation{1}, Time{});
  roomy.Ready(Id(0, 1), Time{});
  CHECK(roomy.Replace(Id(0, 1), Time{}));
  CHECK_FALSE(roomy.Replace(Id(0, 1), Time{}));  // it is retiring already
}

TEST_CASE("a reload: first the new workers start, then the old ones retire") {
  FleetModel model(1);
  Serve(model);
  model.Reload(2);
  CHECK(model.TakeStory() == "spawn 2.3 g2, spawn 3.4 g2");
  model.MakeReady(Id(2, 3));
  CHECK(model.TakeStory() == "");
  model.MakeReady(Id(3, 4));
  CHECK(model.TakeStory() == "promote g2, retire 0.1, retire 1.2");
  model.Exit(Id(0, 1), true);
  model.Exit(Id(1, 2), true);
  CHECK(model.TakeStory() == "");
  CHECK(model.ReadyInService() == 2);
}

TEST_CASE("the next reload waits until the generation before the last one is gone") {
  FleetModel model(1);
  Serve(model);
  CHECK(model.Under().MayReload());
  model.Reload(1);
  CHECK_FALSE(model.Under().MayReload());
  model.MakeReady(Id(2, 3));
  CHECK_FALSE(model.Under().Changing());
  CHECK_FALSE(model.Under().MayReload());
  model.Exit(Id(0, 1), true);
  CHECK_FALSE(model.Under().MayReload());
  // The other one never finishes: it is killed at drain_timeout, and the wait ends.
  (void)model.TakeStory();
  model.Advance(model.settings.drain_timeout + seconds(1));
  CHECK(model.TakeStory() == "kill 1.2");
  CHECK_FALSE(model.Under().MayReload());
  model.Exit(Id(1, 2), false);
  CHECK(model.Under().MayReload());
  model.Reload(1);
  CHECK(model.TakeStory() == "spawn 0.4 g3");
}

TEST_CASE("an abandoned reload is not over before its workers have exited") {
  FleetModel model(1);
  Serve(model);
  model.Reload(2);
  model.MakeReady(Id(2, 3));
  model.Exit(Id(3, 4), false);
  CHECK_FALSE(model.Under().Changing());
  CHECK_FALSE(model.Under().MayReload());
  model.Exit(Id(2, 3), false);
  CHECK(model.Under().MayReload());
}

TEST_CASE("a worker of the current generation that exits stops no reload") {
  FleetModel model(1);
  Serve(model);
  model.AskReplacement(Id(0, 1));
  model.MakeReady(Id(2, 3));
  CHECK(model.Under().MayReload());
}

TEST_CASE("a reload whose worker exits before it is ready is abandoned, and the old ones stay") {
  FleetModel model(1);
  Serve(model);
  model.Reload(2);
  model.MakeReady(Id(2, 3));
  (void)model.TakeStory();
  model.Exit(Id(3, 4), false);
  CHECK(model.TakeStory() == "retire 2.3, abandon g2");
  model.Exit(Id(2, 3), false);
  CHECK(model.TakeStory() == "");
  CHECK(model.ReadyInService() == 2);
  CHECK_FALSE(model.Under().Changing());
}

TEST_CASE("a reload that cannot fork is abandoned") {
  FleetModel model(1);
  Serve(model);
  model.FailForks(1);
  model.Reload(2);
  CHECK(model.TakeStory() == "fork fails 2, spawn 3.3 g2, abandon g2, retire 3.3");
}

TEST_CASE("a reload for which the table has no room is abandoned") {
  FleetModel model(1, 3);
  Serve(model);
  model.Reload(2);
  CHECK(model.ReadyInService() == 2);
  CHECK_FALSE(model.Under().Changing());
  CHECK(model.TakeStory().find("abandon g2") != std::string::npos);
}

TEST_CASE("a worker that asks to be replaced retires only after its replacement is ready") {
  FleetModel model(1);
  Serve(model);
  model.AskReplacement(Id(0, 1));
  CHECK(model.TakeStory() == "spawn 2.3 g1");
  model.AskReplacement(Id(0, 1));
  CHECK(model.TakeStory() == "");
  model.MakeReady(Id(2, 3));
  CHECK(model.TakeStory() == "retire 0.1");
  model.Exit(Id(0, 1), true);
  CHECK(model.TakeStory() == "");
  CHECK(model.ReadyInService() == 2);
}

TEST_CASE("a worker that asks to be replaced and exits at once needs no second replacement") {
  FleetModel model(1);
  Serve(model);
  model.AskReplacement(Id(0, 1));
  model.Exit(Id(0, 1), true);
  model.MakeReady(Id(2, 3));
  CHECK(model.TakeStory() == "spawn 2.3 g1");
  CHECK(model.ReadyInService() == 2);
}

TEST_CASE("a replacement that exits is retried, and the old one serves meanwhile") {
  FleetModel model(1);
  Serve(model);
  model.AskReplacement(Id(0, 1));
  model.Exit(Id(2, 3), false);
  (void)model.TakeStory();
  model.AdvanceToDeadline();
  CHECK(model.TakeStory() == "spawn 2.4 g1");
  CHECK(model.ReadyInService() == 2);
  model.MakeReady(Id(2, 4));
  CHECK(model.TakeStory() == "retire 0.1");
}

TEST_CASE("a replacement that is itself replaced and exits leaves its role to the next one") {
  FleetModel model(1);
  Serve(model);
  model.AskReplacement(Id(0, 1));
  model.AskReplacement(Id(2, 3));
  model.Exit(Id(2, 3), false);
  (void)model.TakeStory();
  model.MakeReady(Id(3, 4));
  CHECK(model.TakeStory() == "retire 0.1");
  CHECK(model.ReadyInService() == 2);
}

TEST_CASE("late messages of an ended incarnation change nothing") {
  FleetModel model(1);
  Serve(model);
  model.Exit(Id(0, 1), true);
  (void)model.TakeStory();
  model.Under().Ready(Id(0, 1), model.Clock());
  (void)model.Under().Replace(Id(0, 1), model.Clock());
  CHECK(model.Under().TakeActions().empty());
  CHECK(model.Under().Find(Id(0, 1)) == nullptr);
}

TEST_CASE("timeouts: at start, and when retiring") {
  FleetModel model(1);
  model.Begin(2);
  model.MakeReady(Id(0, 1));
  (void)model.TakeStory();
  model.Advance(seconds(10));
  CHECK(model.TakeStory() == "kill 1.2");
  model.Exit(Id(1, 2), false);
  model.Scale(1);
  model.AskReplacement(Id(0, 1));
  model.MakeReady(Id(1, 3));
  (void)model.TakeStory();
  model.Advance(seconds(31));
  CHECK(model.TakeStory() == "kill 0.1");
}

TEST_CASE("more and fewer: the highest slots go first") {
  FleetModel model(1);
  Serve(model);
  model.Scale(3);
  CHECK(model.TakeStory() == "spawn 2.3 g1");
  model.MakeReady(Id(2, 3));
  model.Scale(1);
  CHECK(model.TakeStory() == "retire 2.3, retire 1.2");
}

TEST_CASE("a stop: all workers retire, and the last exit completes it") {
  FleetModel model(1);
  Serve(model);
  model.Stop(false);
  CHECK(model.TakeStory() == "retire 0.1, retire 1.2");
  model.Exit(Id(0, 1), true);
  CHECK(model.TakeStory() == "");
  model.Exit(Id(1, 2), true);
  CHECK(model.TakeStory() == "finish 0");
}

TEST_CASE("a stop that began earlier has only the rest of drain_timeout, and a moment") {
  FleetModel model(1);
  Serve(model);
  model.Stop(false, seconds(3));
  (void)model.TakeStory();
  model.Advance(seconds(3));
  CHECK(model.TakeStory() == "");
  model.Advance(seconds(1));
  CHECK(model.TakeStory() == "kill 0.1, kill 1.2");
}

TEST_CASE("a stop at once, and a stop without workers") {
  FleetModel model(1);
  Serve(model);
  model.Stop(true);
  CHECK(model.TakeStory() == "retire 0.1, retire 1.2, kill 0.1, kill 1.2");
  FleetModel empty(1);
  empty.FailForks(1);
  empty.Begin(1);
  (void)empty.TakeStory();
  empty.Stop(false);
  CHECK(empty.TakeStory() == "finish 0");
}

TEST_CASE("a stop in the middle of a reload ends both generations") {
  FleetModel model(1);
  Serve(model);
  model.Reload(1);
  (void)model.TakeStory();
  model.Stop(false);
  CHECK(model.TakeStory() == "retire 2.3, abandon g2, retire 0.1, retire 1.2");
}

TEST_CASE("the first generation gives up when none of its workers can start, each tried three times") {
  FleetModel model(1);
  model.Begin(2);
  int exits = 0;
  for (int round = 0; round < 100 && !model.Finished(); ++round) {
    while (!model.Processes().empty()) {
      model.Exit(model.Processes().begin()->second.id, false);
      ++exits;
    }
    if (!model.Finished()) model.AdvanceToDeadline();
  }
  CHECK(model.Finished() == ExitCode::kUnavailable);
  CHECK(model.Reason() == "no worker of the first generation became ready; the last one: exit status 3");
  CHECK(exits == 6);
}

TEST_CASE("once a worker has been ready the server never gives up") {
  FleetModel model(1);
  Serve(model);
  for (int round = 0; round < 200; ++round) {
    while (!model.Processes().empty()) model.Exit(model.Processes().begin()->second.id, false);
    model.AdvanceToDeadline();
  }
  CHECK_FALSE(model.Finished());
}

TEST_CASE("an upgrade: the workers of the other program serve until those of this one do") {
  FleetModel model(1);
  Serve(model);
  model.Upgrade(3);
  CHECK(model.TakeStory() == "upgrade, spawn 2.3 g2, spawn 3.4 g2, spawn 4.5 g2");
  CHECK(model.ReadyInService() == 2);
  model.MakeReady(Id(2, 3));
  model.MakeReady(Id(3, 4));
  CHECK(model.TakeStory() == "");
  model.MakeReady(Id(4, 5));
  CHECK(model.TakeStory() == "promote g2, retire 0.1, retire 1.2");
  CHECK_FALSE(model.Under().MayReload());
  model.Exit(Id(0, 1), true);
  model.Exit(Id(1, 2), true);
  CHECK(model.TakeStory() == "");
  CHECK(model.Under().MayReload());
}

TEST_CASE(
    "an upgrade whose workers cannot start: those of the other program stay, and one that exits is "
    "replaced") {
  FleetModel model(1);
  Serve(model);
  model.Upgrade(2);
  (void)model.TakeStory();
  model.Exit(Id(2, 3), false);
  CHECK(model.TakeStory() == "retire 3.4, abandon g2");
  model.Exit(Id(3, 4), false);
  model.Exit(Id(0, 1), false);
  CHECK(model.TakeStory() == "spawn 0.5 g1");
  CHECK_FALSE(model.Finished());
}

TEST_CASE("a program that was returned to has the wanted number of workers") {
  FleetModel model(1);
  model.Begin(3);
  for (std::uint32_t slot = 0; slot < 3; ++slot) model.MakeReady(Id(slot, slot + 1));
  model.Advance(seconds(60));
  model.Exit(Id(1, 2), false);
  model.Exit(Id(1, 4), false);  // waits for its next start
  (void)model.TakeStory();
  model.Upgrade(std::nullopt);
  CHECK(model.TakeStory() == "upgrade, spawn 1.5 g1");
}

TEST_CASE(
    "one that starts and one that leaves while the program is replaced go on doing so, within the same "
    "time") {
  FleetModel model(1);
  Serve(model);
  model.Scale(1);
  model.Exit(Id(0, 1), false);
  CHECK(model.TakeStory() == "retire 1.2, spawn 0.3 g1");
  model.Advance(seconds(1));
  model.Upgrade(1);
  CHECK(model.TakeStory() == "upgrade, spawn 2.4 g2");
  model.AdvanceToDeadline();
  CHECK(model.TakeStory() == "kill 0.3");  // start_timeout, counted from its start
  model.Exit(Id(0, 3), false);
  model.MakeReady(Id(2, 4));
  CHECK(model.TakeStory() == "promote g2");
  model.AdvanceToDeadline();
  CHECK(model.TakeStory() == "kill 1.2");
}

// ---- several pools ----

namespace {

constexpr PoolId kApp{1};
constexpr PoolId kStatus{2};

// 0.1 in kMainPool, 1.2 and 2.3 in kApp: ready for long enough to have been of use.
void ServePools(FleetModel& model) {
  model.Begin({{kMainPool, 1}, {kApp, 2}});
  for (std::uint32_t slot = 0; slot < 3; ++slot) model.MakeReady(Id(slot, slot + 1));
  model.Advance(seconds(60));
  (void)model.TakeStory();
}

// Ends all processes until the fleet has finished.
int ExitUntilFinished(FleetModel& model, PoolId pool) {
  int exits = 0;
  for (int round = 0; round < 100 && !model.Finished(); ++round) {
    for (const auto& [slot, process] : std::map(model.Processes())) {
      const auto still = model.Processes().find(slot);
      if (still == model.Processes().end() || still->second.id != process.id) continue;
      if (process.pool != pool && !still->second.retired) continue;
      model.Exit(process.id, false);
      if (process.pool == pool) ++exits;
    }
    if (!model.Finished()) model.AdvanceToDeadline();
  }
  return exits;
}

}  // namespace

TEST_CASE("the first generation serves when each pool has a ready worker") {
  FleetModel model(1);
  model.Begin({{kMainPool, 2}, {kApp, 2}});
  CHECK(model.TakeStory() == "spawn 0.1 g1, spawn 1.2 g1, spawn 2.3 g1 p1, spawn 3.4 g1 p1");
  model.MakeReady(Id(0, 1));
  model.MakeReady(Id(1, 2));
  CHECK(model.TakeStory() == "");
  model.MakeReady(Id(3, 4));
  CHECK(model.TakeStory() == "booted g1");
}

TEST_CASE("a pool none of whose workers can start ends the first generation, even if the others are ready") {
  FleetModel model(1);
  model.Begin({{kMainPool, 1}, {kApp, 2}});
  model.MakeReady(Id(0, 1));
  CHECK(ExitUntilFinished(model, kApp) == 6);
  CHECK(model.Finished() == ExitCode::kUnavailable);
  CHECK(model.Reason() == "no worker of pool \"p1\" became ready; the last one: exit status 3");
}

TEST_CASE("a pool that has been ready once never ends the server") {
  FleetModel model(1);
  model.Begin({{kMainPool, 1}, {kApp, 1}});
  model.MakeReady(Id(1, 2));
  (void)ExitUntilFinished(model, kApp);
  CHECK_FALSE(model.Finished());
}

TEST_CASE("while a reload is starting, a first generation that cannot come up does not give up") {
  FleetModel model(1);
  model.Begin({{kMainPool, 1}, {kApp, 1}});
  model.MakeReady(Id(0, 1));
  model.Exit(Id(1, 2), false);
  model.Reload({{kMainPool, 1}});
  model.AdvanceToDeadline();
  model.Exit(Id(1, 4), false);
  model.AdvanceToDeadline();
  model.Exit(Id(1, 5), false);
  CHECK_FALSE(model.Finished());
  (void)model.TakeStory();
  model.MakeReady(Id(2, 3));
  CHECK(model.TakeStory() == "promote g2, booted g2, retire 0.1");
}

TEST_CASE("a first generation for which the table has no room gives up at once") {
  FleetModel model(1, 3);
  model.Begin({{kMainPool, 2}, {kApp, 2}});
  CHECK(model.TakeStory() == "finish 69");
  CHECK(model.Reason() == "there are not 4 free slots for its workers");
}

TEST_CASE("a generation serves when the first workers of every pool are ready, and not before") {
  FleetModel model(1);
  ServePools(model);
  model.Reload({{kMainPool, 1}, {kApp, 1}});
  CHECK(model.TakeStory() == "spawn 3.4 g2, spawn 4.5 g2 p1");
  model.MakeReady(Id(4, 5));
  CHECK(model.TakeStory() == "");
  model.MakeReady(Id(3, 4));
  CHECK(model.TakeStory() == "promote g2, retire 0.1, retire 1.2, retire 2.3");
}

TEST_CASE("a generation one of whose pools fails is abandoned as a whole, and the reason names the pool") {
  FleetModel model(1);
  ServePools(model);
  model.Reload({{kMainPool, 1}, {kApp, 1}});
  model.MakeReady(Id(3, 4));
  (void)model.TakeStory();
  model.Exit(Id(4, 5), false);
  CHECK(model.TakeStory() == "retire 3.4, abandon g2");
  CHECK(model.Reason() == "pool \"p1\": a worker exited before it was ready: exit status 3");
  CHECK(model.ReadyInService() == 1);
  CHECK(model.ReadyInService(kApp) == 2);
}

TEST_CASE("pools come and go at a reload: the workers of a removed pool retire with the old generation") {
  FleetModel model(1);
  ServePools(model);
  model.Reload({{kMainPool, 1}, {kStatus, 1}});
  CHECK(model.TakeStory() == "spawn 3.4 g2, spawn 4.5 g2 p2");
  CHECK(model.Under().Desired(kApp) == 2);
  CHECK(model.Under().Desired(kStatus) == 0);
  model.MakeReady(Id(3, 4));
  model.MakeReady(Id(4, 5));
  CHECK(model.TakeStory() == "promote g2, retire 0.1, retire 1.2, retire 2.3");
  CHECK(model.Under().Desired(kApp) == 0);
  CHECK(model.Under().Desired(kStatus) == 1);
  model.Exit(Id(1, 2), true);
  CHECK(model.TakeStory() == "");
}

TEST_CASE("a free slot may go to another pool") {
  FleetModel model(1);
  ServePools(model);
  model.Scale(1, kApp);
  model.Exit(Id(2, 3), true);
  (void)model.TakeStory();
  model.Scale(2);
  CHECK(model.TakeStory() == "spawn 2.4 g1");
  CHECK(model.Under().Records()[2].pool == kMainPool);
}

TEST_CASE("a generation for which the table has no room starts no worker at all") {
  FleetModel model(1, 5);
  ServePools(model);
  model.Reload({{kMainPool, 1}, {kApp, 2}});
  CHECK(model.TakeStory() == "abandon g2");
  CHECK(model.Reason() == "there are not 3 free slots for its workers");
}

TEST_CASE("numbers and extras of one pool do not touch the other") {
  FleetModel model(1);
  ServePools(model);
  model.AddExtra(kApp);
  CHECK(model.TakeStory() == "spawn 3.4 g1 p1");
  CHECK(model.Under().Extras(kApp) == 1);
  CHECK(model.Under().Extras(kMainPool) == 0);
  model.MakeReady(Id(3, 4));
  model.ReleaseExtra();
  model.Scale(2);
  CHECK(model.TakeStory() == "spawn 4.5 g1");
  model.ReleaseExtra(kApp);
  CHECK(model.TakeStory() == "retire 3.4");
  model.AddExtra(kStatus);
  CHECK(model.TakeStory() == "");
}

TEST_CASE("an upgrade: each worker stays in its pool") {
  FleetModel model(1);
  ServePools(model);
  model.Upgrade(std::nullopt);
  CHECK(model.TakeStory() == "upgrade");
  model.Exit(Id(2, 3), true);
  CHECK(model.TakeStory() == "spawn 2.4 g1 p1");
}

TEST_CASE("the pools of a generation have their own timeouts") {
  FleetModel model(1);
  Fleet& fleet = model.Under();
  FleetSettings slow;
  slow.start_timeout = seconds(60);
  fleet.Begin(Generation{1}, {{kMainPool, "main", 1, {}}, {kApp, "app", 1, slow}}, model.Clock());
  (void)fleet.TakeActions();
  fleet.Spawned(Slot{0}, Incarnation{1}, model.Clock());
  fleet.Spawned(Slot{1}, Incarnation{2}, model.Clock());
  CHECK(fleet.Records()[0].kill_at == model.Clock() + seconds(10));
  CHECK(fleet.Records()[1].kill_at == model.Clock() + seconds(60));
}

}  // namespace preforkd::testing
