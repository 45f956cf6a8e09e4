// Change under random walks: 10^5 events of a server whose configuration is refused, whose workers crash and
// whose new program cannot be run at every moment, some of that inside the very action that asked for it. The
// seed is in every message: a failure repeats.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>

#include "master/policy/change/change.h"

namespace preforkd::testing {
namespace {

using State = Change::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

void Insist(bool condition, const std::string& otherwise) {
  if (!condition) throw std::logic_error(otherwise);
}

// The moves of change.h. Those into a stop are in AllMayGoTo.
const std::map<State, std::set<State>> kWays = {
    {State::kBooting, {State::kServing, State::kLoading}},
    {State::kServing, {State::kLoading, State::kChecking}},
    {State::kLoading, {State::kReloading, State::kBooting, State::kServing}},
    {State::kReloading, {State::kBooting, State::kServing}},
    {State::kChecking, {State::kSettling, State::kServing}},
    {State::kSettling, {State::kServing}},
    {State::kReplaced, {State::kServing}},
    {State::kDelaying, {State::kDraining}},
    {State::kDraining, {State::kLeaving}},
    {State::kLeaving, {}},
    {State::kStopping, {}},
    {State::kFinished, {}},
};

bool IsWay(State from, State to) {
  if (kWays.at(from).contains(to)) return true;
  if (from == State::kFinished) return false;
  if (to == State::kFinished || to == State::kStopping) return true;
  return to == State::kDelaying && from < State::kDelaying;
}

// One call of Change makes at most two moves: a waiting change begins in the call that ends the current one.
bool IsWithinOneCall(State from, State to) {
  if (from == to || IsWay(from, to)) return true;
  return std::any_of(kWays.begin(), kWays.end(),
                     [&](const auto& way) { return IsWay(from, way.first) && IsWay(way.first, to); });
}

// The shell, the workers and the operator, made of flags.
class World {
 public:
  explicit World(std::uint32_t seed) : random_(seed) {}

  void Step() {
    Event();
    Observe();
    ApplyActions();
    Check();
  }

  // Every change comes to its end: no waiter may be left.
  void StopAndFinish() {
    change_.AskStop({Pick(2) == 0 ? seconds(1) : Duration(0), seconds(5)}, now_);
    stop_asked_ = true;
    ApplyActions();
    Insist(waiting_.empty(), "a stop leaves somebody waiting");
    for (int round = 0; round < 3; ++round) {
      now_ += seconds(10);
      change_.Tick(now_);
      ApplyActions();
      Check();
    }
    Insist(workers_told_ || at_once_, "a stop that never reaches the workers");
    change_.OnFinished();
    ApplyActions();
    Insist(change_.Current() == State::kFinished, "a stop that does not finish");
    Insist(waiting_.empty(), "somebody waits for ever");
  }

  [[nodiscard]] std::uint64_t Answered() const { return answered_; }
  [[nodiscard]] bool Over() const { return stop_asked_; }
  [[nodiscard]] std::uint64_t Execs() const { return execs_; }

 private:
  std::uint32_t Pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  std::optional<Asker> PickAsker() {
    if (Pick(3) == 0) return std::nullopt;  // a signal
    const Asker asker{static_cast<WaiterId>(++last_waiter_), Pick(2) == 0};
    waiting_[asker.id] = asker.wait;
    return asker;
  }

  void Event() {
    const std::uint32_t dice = Pick(100);
    if (dice < 15) return change_.AskReload(PickAsker());
    if (dice < 25) return change_.AskUpgrade(PickAsker());
    if (dice < 45) return MoveTime();
    if (dice < 60 && !booted_ && !coming_) return BootUp();
    if (dice < 70 && coming_) return Promote();
    if (dice < 76 && coming_) return Abandon();
    if (dice < 84 && preflight_) return EndPreflight();
    if (dice < 90 && loading_) return EndLoading();
    if (dice < 94) return FreeFleet();
    if (dice < 95 && Pick(20) == 0) return AskStop();
  }

  void MoveTime() {
    now_ += milliseconds(Pick(3000));
    change_.Tick(now_);
    const std::optional<Time> next = change_.NextDeadline();
    Insist(!next || *next > now_, "a deadline in the past after Tick: the loop would spin");
  }

  void BootUp() {
    booted_ = true;
    change_.OnFirstReady();
  }

  void Promote() {
    coming_ = false;
    leaving_ = Pick(2) == 0;
    serving_upgrade_ = upgraded_;
    change_.OnPromoted();
    Observe();
    ApplyActions();  // it is in force before anything else happens to the workers
    if (!booted_) BootUp();
    change_.OnFleet(Free());
  }

  void Abandon() {
    coming_ = false;
    leaving_ = Pick(2) == 0;
    change_.OnAbandoned(Generation{2}, "a worker exited");
    change_.OnFleet(Free());
  }

  void EndPreflight() {
    preflight_ = false;
    if (Pick(2) == 0) return change_.OnUpgradeFailed("it would not do");
    change_.OnPreflightAccepted(now_);
  }

  void FreeFleet() {
    leaving_ = false;
    change_.OnFleet(Free());
  }

  void AskStop() {
    stop_asked_ = true;
    if (Pick(4) == 0) return change_.AskStopNow(now_);
    change_.AskStop({Pick(2) == 0 ? seconds(1) : Duration(0), seconds(5)}, now_);
  }

  [[nodiscard]] bool Free() const { return !coming_ && !leaving_ && !workers_told_ && !at_once_; }
  [[nodiscard]] bool UnderWay() const { return loading_ || prepared_ || coming_ || preflight_ || settling_; }

  void ApplyActions() {
    if (std::exchange(running_, true)) return;
    while (const std::optional<ChangeAction> action = change_.NextAction()) {
      std::visit([this](const auto& concrete) { Do(concrete); }, *action);
      Observe();
    }
    running_ = false;
  }

  void Forgive(const std::vector<WaiterId>& waiters) {
    for (const WaiterId id : waiters) {
      Insist(waiting_.erase(id) == 1,
             fmt::format("waiter {} is answered twice, or was never there", Raw(id)));
      ++answered_;
    }
    if (waiters.empty() || stop_asked_) return;
    if (Pick(10) == 0) change_.AskReload(PickAsker());  // an answered client asks again at once
    if (Pick(100) > 0) return;
    Observe();
    AskStop();
    Observe();
  }

  static std::uint64_t Raw(WaiterId id) { return static_cast<std::uint64_t>(id); }

  void MayBegin(const char* what) {
    Insist(!UnderWay(), fmt::format("{}, while another change is under way", what));
    Insist(!leaving_, fmt::format("{}, while an earlier generation finishes", what));
    Insist(!stop_asked_, fmt::format("{} after a stop", what));
  }

  void Do(const Publish& action) { published_ = action.phase; }
  void Do(const Answer& action) { Forgive(action.waiters); }
  void Do(const ReportWaiting&) {}

  void Do(const BeginReload&) {
    MayBegin("a reload");
    loading_ = true;
    if (Pick(3) > 0) EndLoading();  // else its modules are being opened
  }

  void EndLoading() {
    if (Pick(3) == 0) return change_.OnReloadRefused("wrong", {"1:1: wrong"});
    prepared_ = true;
    change_.OnGenerationPrepared();
    if (Pick(4) == 0) change_.AskReload(PickAsker());  // an answered client asks again at once
    loading_ = false;
  }

  void Do(const DropReload&) {
    Insist(loading_ && stop_asked_, "a reload is dropped that is not being read, or without need");
    loading_ = false;
  }

  void Do(const StartGeneration&) {
    Insist(prepared_ || upgraded_, "a generation is started that nobody has prepared");
    Insist(!coming_ && !leaving_, "three generations");
    prepared_ = false;
    coming_ = true;
    if (Pick(6) == 0) Abandon();  // it could not be forked
    change_.OnGenerationStarted();
  }

  void Do(const RefuseReload& action) {
    loading_ = false;
    Insist(action.why == "wrong" && action.problems.size() == 1, "a refusal without its reason");
    Forgive(action.waiters);
  }

  void Do(const EnterService& action) {
    Insist(action.upgrade == serving_upgrade_, "an upgrade is told as a reload, or a reload as an upgrade");
    upgraded_ = false;
    serving_upgrade_ = false;
    Forgive(action.waiters);
  }

  void Do(const StayInService& action) {
    Insist(action.upgrade == upgraded_, "an upgrade is told as a reload, or a reload as an upgrade");
    upgraded_ = false;
    Forgive(action.waiters);
  }

  void Do(const StartPreflight&) {
    MayBegin("an upgrade");
    Insist(booted_, "an upgrade of a server that does not serve");
    if (Pick(4) == 0) return change_.OnUpgradeFailed("no descriptor is free");
    preflight_ = true;
    change_.OnPreflightStarted();
  }

  void Do(const KillPreflight&) {
    Insist(preflight_ && stop_asked_, "a child is killed that does not run, or without need");
    preflight_ = false;
  }

  void Do(const Replace&) {
    Insist(change_.Current() == State::kSettling, "an exec outside of its state");
    Insist(!UnderWay() && !leaving_ && !stop_asked_, "an exec while a change is under way, or after a stop");
    settling_ = true;
    change_.OnFleet(true);  // waiting for a stable worker state is itself an event of the workers
    settling_ = false;
    switch (Pick(4)) {
      case 0: return change_.OnCannotReplaceYet();
      case 1: return change_.OnUpgradeFailed("execve");
      default: return Exec();
    }
  }

  // The next program goes on with the same clients, all of which wait for its outcome.
  void Exec() {
    ++execs_;
    std::vector<WaiterId> waiters;
    for (const auto& [id, waits] : waiting_) waiters.push_back(id);
    change_ = Change();
    published_ = Phase::kStarting;
    upgraded_ = Pick(4) > 0;
    if (upgraded_) {
      change_.BeginReplaced(waiters);
    } else {
      change_.BeginReturned(waiters);
    }
    previous_ = change_.Current();
  }

  void Do(const RefuseUpgrade& action) {
    Insist(!action.why.empty(), "a refusal without its reason");
    Forgive(action.waiters);
  }

  void Do(const ReportReturn& action) { Forgive(action.waiters); }

  void Do(const AnnounceStop& action) {
    Insist(!std::exchange(announced_, true), "a stop is announced twice");
    Insist(action.stop_by >= now_, "a stop that should be over already");
  }

  void Do(const CloseListeners&) {
    Insist(announced_ && !std::exchange(closed_, true), "listeners close without a stop, or twice");
    if (Pick(2) == 0) change_.OnDrained();
  }

  void Do(const StopWorkers&) {
    Insist(closed_ && !std::exchange(workers_told_, true),
           "workers are stopped before the listeners, or twice");
    EndOfGenerations();
  }

  void Do(const StopAtOnce&) {
    Insist(announced_, "a stop that nobody has heard of");
    at_once_ = true;
    EndOfGenerations();
  }

  void EndOfGenerations() {
    if (coming_) Abandon();
    leaving_ = true;
    change_.OnFleet(false);
  }

  void Observe() {
    const State state = std::exchange(previous_, change_.Current());
    Insist(IsWithinOneCall(state, previous_),
           fmt::format("from state {} to {}", static_cast<int>(state), static_cast<int>(previous_)));
  }

  void Check() {
    const State state = change_.Current();
    Insist(change_.Stopping() == stop_asked_, "a stop that is not known");
    Insist(published_ == ExpectedPhase(), fmt::format("phase {}", static_cast<int>(published_)));
    Insist(change_.MayAccept() == (booted_ && !closed_ && !at_once_), "accepting at the wrong time");
    // A wrong configuration is answered to everyone who asked, and modules are a part of it.
    for (const auto& [id, waits] : waiting_) Insist(waits || loading_, "one who did not want to wait does");
    Insist(!stop_asked_ || waiting_.empty(), "a stop leaves somebody waiting");
    const bool quiet = !UnderWay() && Free() && state != State::kSettling;
    Insist(!quiet || waiting_.empty(), "nothing is under way, and somebody waits");
  }

  [[nodiscard]] Phase ExpectedPhase() const {
    if (stop_asked_) return Phase::kStopping;
    if (!booted_) return Phase::kStarting;
    return coming_ ? Phase::kReloading : Phase::kServing;
  }

  std::mt19937 random_;
  Change change_;
  Time now_{};
  State previous_ = State::kBooting;
  Phase published_ = Phase::kStarting;
  std::map<WaiterId, bool> waiting_;  // whether it wants to
  std::uint64_t last_waiter_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t execs_ = 0;
  bool booted_ = false;
  bool loading_ = false;          // since BeginReload, until its outcome
  bool prepared_ = false;         // and it succeeded
  bool coming_ = false;           // a generation is starting
  bool upgraded_ = false;         // the one that is starting is the first of a new program
  bool serving_upgrade_ = false;  // so was the one that has just been promoted
  bool leaving_ = false;          // an earlier one still finishes
  bool preflight_ = false;
  bool settling_ = false;  // inside Replace
  bool running_ = false;   // inside Settle
  bool stop_asked_ = false;
  bool announced_ = false;
  bool closed_ = false;
  bool workers_told_ = false;
  bool at_once_ = false;
};

}  // namespace

TEST_CASE("a thousand walks of a hundred events: one change at a time, and every waiter is answered once") {
  std::uint64_t answered = 0;
  std::uint64_t execs = 0;
  for (std::uint32_t seed = 1; seed <= 1000; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int step = 0; step < 100; ++step) {
      CAPTURE(step);
      REQUIRE_NOTHROW(world.Step());
    }
    if (!world.Over()) REQUIRE_NOTHROW(world.StopAndFinish());
    answered += world.Answered();
    execs += world.Execs();
  }
  CHECK(answered > 10000);  // the walks have reached the interesting states
  CHECK(execs > 300);
}

}  // namespace preforkd::testing
