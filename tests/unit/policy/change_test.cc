// Change, scenario by scenario: requests, events and the resulting actions, as one line of text.
#include "master/policy/change/change.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace preforkd::testing {
namespace {

using std::chrono::seconds;

constexpr Time kNow{};
constexpr Change::StopTimes kTimes{seconds(5), seconds(30)};

std::string Ids(const std::vector<WaiterId>& waiters) {
  std::string text;
  for (const WaiterId id : waiters) text += fmt::format(" #{}", static_cast<std::uint64_t>(id));
  return text;
}

std::string Text(const Publish& action) {
  constexpr const char* kNames[] = {"starting", "serving", "reloading", "stopping"};
  return fmt::format("publish {}", kNames[static_cast<int>(action.phase)]);
}
std::string Text(const Answer& action) {
  constexpr const char* kNames[] = {"reload begun",           "reload waits", "upgrade begun",
                                    "upgrade waits",          "stopping",     "no upgrade: stopping",
                                    "no upgrade: not serving"};
  return fmt::format("answer{}: {}", Ids(action.waiters), kNames[static_cast<int>(action.answer)]);
}
std::string Text(const ReportWaiting& action) {
  constexpr const char* kNames[] = {"a reload", "an upgrade", "workers"};
  return fmt::format("{} waits for {}", action.upgrade ? "upgrade" : "reload",
                     kNames[static_cast<int>(action.why)]);
}
std::string Text(const BeginReload&) { return "begin reload"; }
std::string Text(const DropReload&) { return "drop reload"; }
std::string Text(const StartGeneration&) { return "start generation"; }
std::string Text(const RefuseReload& action) {
  return fmt::format("refuse reload{}: {}", Ids(action.waiters), action.why);
}
std::string Text(const EnterService& action) {
  return fmt::format("{} serves{}", action.upgrade ? "upgrade" : "reload", Ids(action.waiters));
}
std::string Text(const StayInService& action) {
  return fmt::format("{} abandoned{}: {}", action.upgrade ? "upgrade" : "reload", Ids(action.waiters),
                     action.reason);
}
std::string Text(const StartPreflight&) { return "start preflight"; }
std::string Text(const KillPreflight&) { return "kill preflight"; }
std::string Text(const Replace&) { return "replace"; }
std::string Text(const RefuseUpgrade& action) {
  return fmt::format("refuse upgrade{}: {}", Ids(action.waiters), action.why);
}
std::string Text(const ReportReturn& action) { return fmt::format("returned{}", Ids(action.waiters)); }
std::string Text(const AnnounceStop& action) {
  return fmt::format("stop within {:g} s, delay {:g} s", Seconds(action.stop_by - kNow),
                     Seconds(action.delay));
}
std::string Text(const CloseListeners&) { return "close listeners"; }
std::string Text(const StopWorkers& action) {
  return fmt::format("stop workers within {:g} s", Seconds(action.stop_by - kNow));
}
std::string Text(const StopAtOnce&) { return "stop at once"; }

std::string Story(Change& change) {
  std::string story;
  while (const std::optional<ChangeAction> action = change.NextAction()) {
    story += story.empty() ? "" : ", ";
    story += std::visit([](const auto& concrete) { return Text(concrete); }, *action);
  }
  return story;
}

Asker Waits(std::uint64_t id) { return {static_cast<WaiterId>(id), true}; }
Asker Asks(std::uint64_t id) { return {static_cast<WaiterId>(id), false}; }

Change Serving() {
  Change change;
  change.OnFirstReady();
  (void)Story(change);
  return change;
}

// #1 waits for a reload whose generation is starting.
Change Reloading() {
  Change change = Serving();
  change.AskReload(Waits(1));
  change.OnGenerationPrepared();
  (void)Story(change);
  return change;
}

// #1 waits for an upgrade whose new program is running as a child.
Change Checking() {
  Change change = Serving();
  change.AskUpgrade(Waits(1));
  change.OnPreflightStarted();
  (void)Story(change);
  return change;
}

}  // namespace

TEST_CASE("it serves when the first generation is ready, and accepts from then on") {
  Change change;
  CHECK_FALSE(change.MayAccept());
  change.OnFirstReady();
  CHECK(Story(change) == "publish serving");
  CHECK(change.MayAccept());
}

TEST_CASE("a reload: the client is told of its end, or only of its start") {
  Change change = Serving();
  change.AskReload(Asks(1));
  CHECK(Story(change) == "begin reload");
  change.OnGenerationPrepared();
  CHECK(Story(change) == "publish reloading, start generation");
  change.OnGenerationStarted();
  CHECK(Story(change) == "answer #1: reload begun");
  change.OnPromoted();
  CHECK(Story(change) == "publish serving, reload serves");
  change.OnFleet(true);
  change.AskReload(Waits(2));
  change.OnGenerationPrepared();
  CHECK(Story(change) == "begin reload, publish reloading, start generation");
  change.OnPromoted();
  CHECK(Story(change) == "publish serving, reload serves #2");
}

TEST_CASE("a reload abandoned inside its start is a failure, also for a client that does not wait") {
  Change change = Serving();
  change.AskReload(Asks(1));
  change.OnGenerationPrepared();
  change.OnAbandoned(Generation{2}, "no process can be forked");
  change.OnGenerationStarted();
  CHECK(Story(change) ==
        "begin reload, publish reloading, start generation, publish serving, "
        "reload abandoned #1: no process can be forked");
}

TEST_CASE("a refused reload is reported to both clients, and nothing else changes") {
  Change change = Serving();
  change.AskReload(Asks(1));
  change.OnReloadRefused("two problems", {"a", "b"});
  CHECK(Story(change) == "begin reload, refuse reload #1: two problems");
  CHECK(change.Current() == Change::State::kServing);
}

TEST_CASE("a generation abandoned inside the action that starts it answers its waiters") {
  Change change = Reloading();
  change.OnAbandoned(Generation{2}, "a worker could not be forked");
  CHECK(Story(change) == "publish serving, reload abandoned #1: a worker could not be forked");
}

TEST_CASE("a reload may begin before the server serves, and an upgrade may not") {
  Change change;
  change.AskUpgrade(Waits(1));
  CHECK(Story(change) == "answer #1: no upgrade: not serving");
  change.AskReload(Waits(2));
  change.OnGenerationPrepared();
  CHECK(Story(change) == "begin reload, start generation");
  change.OnAbandoned(Generation{2}, "a worker exited");
  CHECK(Story(change) == "reload abandoned #2: a worker exited");
  CHECK(change.Current() == Change::State::kBooting);
  change.OnFirstReady();
  CHECK(Story(change) == "publish serving");
}

TEST_CASE("reloads requested during a reload become one more reload") {
  Change change = Reloading();
  change.AskReload(std::nullopt);
  CHECK(Story(change) == "reload waits for a reload");
  change.AskReload(Waits(2));
  change.AskReload(Waits(3));
  change.AskReload(Asks(4));
  CHECK(Story(change) == "answer #4: reload waits");
  change.OnPromoted();
  CHECK(Story(change) == "publish serving, reload serves #1");
  change.OnFleet(false);  // its predecessors still finish
  CHECK(Story(change) == "");
  change.OnFleet(true);
  change.OnGenerationPrepared();
  CHECK(Story(change) == "begin reload, publish reloading, start generation");
  change.OnPromoted();
  CHECK(Story(change) == "publish serving, reload serves #2 #3");
  change.OnFleet(true);
  CHECK(Story(change) == "");
}

TEST_CASE("a reload requested while workers of an earlier generation drain waits for them") {
  Change change = Serving();
  change.OnFleet(false);
  change.AskReload(Waits(1));
  CHECK(Story(change) == "reload waits for workers");
  change.OnFleet(true);
  CHECK(Story(change) == "begin reload");
}

TEST_CASE(
    "of an upgrade and a reload that wait the upgrade goes first; refused, it leaves the reload its turn") {
  Change change = Reloading();
  change.AskReload(Waits(2));
  change.AskUpgrade(Waits(3));
  change.AskUpgrade(Asks(4));
  CHECK(Story(change) == "reload waits for a reload, upgrade waits for a reload, answer #4: upgrade waits");
  change.OnPromoted();
  change.OnFleet(true);
  CHECK(Story(change) == "publish serving, reload serves #1, start preflight");
  change.OnPreflightStarted();
  change.OnUpgradeFailed("not today");
  CHECK(Story(change) == "refuse upgrade #3: not today, begin reload");
  change.OnGenerationPrepared();
  change.OnAbandoned(Generation{2}, "no worker");
  CHECK(Story(change) ==
        "publish reloading, start generation, publish serving, reload abandoned #2: no worker");
}

TEST_CASE("upgrades requested during an upgrade get its outcome") {
  Change change = Checking();
  change.AskUpgrade(Waits(2));
  change.AskUpgrade(Asks(3));
  CHECK(Story(change) == "answer #3: upgrade begun");
  change.OnUpgradeFailed("not today");
  CHECK(Story(change) == "refuse upgrade #1 #2: not today");
}

TEST_CASE(
    "an upgrade whose child cannot be started is refused at once, also for a client that does not wait") {
  Change change = Serving();
  change.AskUpgrade(Asks(1));
  change.OnUpgradeFailed("no descriptor is free");
  CHECK(Story(change) == "start preflight, refuse upgrade #1: no descriptor is free");
}

TEST_CASE("a reload that waits for an upgrade begins as soon as that has failed") {
  Change change = Checking();
  change.AskReload(Waits(2));
  CHECK(Story(change) == "reload waits for an upgrade");
  change.OnPreflightAccepted(kNow);
  CHECK(Story(change) == "replace");
  change.OnUpgradeFailed("execve");
  CHECK(Story(change) == "refuse upgrade #1: execve, begin reload");
}

TEST_CASE("an exec waits for a stable state, but not for ever") {
  Change change = Checking();
  change.OnPreflightAccepted(kNow);
  change.OnFleet(true);  // comes from inside the first attempt
  CHECK(Story(change) == "replace");
  change.OnCannotReplaceYet();
  change.OnFleet(true);
  CHECK(Story(change) == "replace");
  change.OnCannotReplaceYet();
  CHECK(change.NextDeadline() == kNow + Change::kSaveTimeout);
  change.Tick(kNow + Change::kSaveTimeout);
  CHECK(Story(change) == "refuse upgrade #1: timed out waiting for a stable worker state");
  CHECK_FALSE(change.NextDeadline());
}

TEST_CASE("the new program starts its own generation, and answers the clients of the old one") {
  Change change;
  change.BeginReplaced({WaiterId{1}, WaiterId{2}});
  CHECK(Story(change) == "publish reloading, start generation");
  CHECK(change.MayAccept());
  change.AskReload(Waits(3));
  change.OnPromoted();
  CHECK(Story(change) == "reload waits for a reload, publish serving, upgrade serves #1 #2");
  change.OnFleet(true);
  change.OnGenerationPrepared();
  change.OnPromoted();
  CHECK(Story(change) ==
        "begin reload, publish reloading, start generation, publish serving, reload serves #3");
}

TEST_CASE("a program that was returned to reports that, and goes on serving") {
  Change change;
  change.BeginReturned({WaiterId{1}});
  CHECK(Story(change) == "publish serving, returned #1");
  change.OnFleet(true);
  change.AskReload(std::nullopt);
  CHECK(Story(change) == "begin reload");
}

TEST_CASE("a stop: first only the announcement, then no new connections, then the workers") {
  Change change = Serving();
  change.AskStop(kTimes, kNow);
  CHECK(Story(change) == "publish stopping, stop within 35 s, delay 5 s");
  CHECK(change.MayAccept());
  CHECK(change.NextDeadline() == kNow + seconds(5));
  change.Tick(kNow + seconds(5));
  CHECK(Story(change) == "close listeners");
  CHECK_FALSE(change.MayAccept());
  CHECK(change.NextDeadline() == kNow + seconds(35));
  change.OnDrained();
  change.OnDrained();
  CHECK(Story(change) == "stop workers within 35 s");
  change.OnFinished();
  CHECK(Story(change) == "");
  CHECK(change.Current() == Change::State::kFinished);
}

TEST_CASE("a server that has never been ready does not wait before it stops") {
  Change change;
  change.AskStop(kTimes, kNow);
  CHECK(Story(change) == "publish stopping, stop within 30 s, delay 0 s, close listeners");
}

TEST_CASE("connections that wait in the master delay a stop until its deadline, and no longer") {
  Change change = Serving();
  change.AskStop({seconds(0), seconds(30)}, kNow);
  (void)Story(change);
  change.Tick(kNow + seconds(30));
  CHECK(Story(change) == "stop workers within 30 s");
}

TEST_CASE("a second TERM, and INT, stop at once") {
  Change change = Serving();
  change.AskStop(kTimes, kNow);
  (void)Story(change);
  change.AskStop(kTimes, kNow);
  CHECK(Story(change) == "stop at once");
  CHECK_FALSE(change.NextDeadline());
  change = Serving();
  change.AskStopNow(kNow);
  CHECK(Story(change) == "publish stopping, stop within 0 s, delay 0 s, stop at once");
}

TEST_CASE("a stop answers all waiters, and refuses later requests") {
  Change change = Checking();
  change.AskReload(Waits(2));
  (void)Story(change);
  change.AskStop(kTimes, kNow);
  CHECK(Story(change) ==
        "kill preflight, publish stopping, answer #1 #2: stopping, stop within 35 s, delay 5 s");
  change.AskReload(Waits(3));
  change.AskUpgrade(Waits(4));
  CHECK(Story(change) == "answer #3: stopping, answer #4: no upgrade: stopping");
  change.OnFleet(true);
  CHECK(Story(change) == "");
}

TEST_CASE("a stop drops a reload whose modules are being opened, and a late outcome changes nothing") {
  Change change = Serving();
  change.AskReload(Waits(1));
  CHECK(Story(change) == "begin reload");
  change.AskStop(kTimes, kNow);
  CHECK(Story(change) == "drop reload, publish stopping, answer #1: stopping, stop within 35 s, delay 5 s");
  change.OnGenerationPrepared();
  change.OnReloadRefused("wrong", {});
  CHECK(Story(change).empty());
}

TEST_CASE("a stop that comes with the answer to one change cancels the next, which has not begun") {
  Change change = Checking();
  change.AskReload(Waits(2));
  (void)Story(change);
  change.OnUpgradeFailed("not today");
  CHECK(std::holds_alternative<RefuseUpgrade>(change.NextAction().value()));
  change.AskStop(kTimes, kNow);
  CHECK(Story(change) == "publish stopping, answer #2: stopping, stop within 35 s, delay 5 s");
}

TEST_CASE(
    "a generation that is starting when the stop comes may still serve, as long as connections are taken") {
  Change change = Reloading();
  change.AskStop(kTimes, kNow);
  CHECK(Story(change) == "publish stopping, answer #1: stopping, stop within 35 s, delay 5 s");
  change.OnPromoted();
  CHECK(Story(change) == "reload serves");
  change = Reloading();
  change.AskStop({seconds(0), seconds(30)}, kNow);
  (void)Story(change);
  change.OnPromoted();
  CHECK(Story(change) == "");
}

TEST_CASE("a server that gives up answers the remaining waiters") {
  Change change;
  change.OnFleet(false);
  change.AskReload(Waits(1));
  (void)Story(change);
  change.OnFinished();
  CHECK(Story(change) == "publish stopping, answer #1: stopping");
}

}  // namespace preforkd::testing
