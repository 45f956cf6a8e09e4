#include "master/policy/change/change.h"

#include <utility>

#include "common/base/check.h"

namespace preforkd {
namespace {

using State = Change::State;
using Wanted = ChangeQueue::Wanted;

Phase PhaseOf(State state, bool booted) {
  if (state >= State::kDelaying) return Phase::kStopping;
  if (!booted) return Phase::kStarting;
  return state == State::kReloading || state == State::kReplaced ? Phase::kReloading : Phase::kServing;
}

// The state between changes.
State QuietState(bool booted) { return booted ? State::kServing : State::kBooting; }

WaitReason WhyWait(State state) {
  switch (state) {
    case State::kChecking:
    case State::kSettling: return WaitReason::kUpgradeUnderWay;
    case State::kLoading:
    case State::kReloading:
    case State::kReplaced: return WaitReason::kReloadUnderWay;
    default: return WaitReason::kWorkersFinish;
  }
}

void Say(std::deque<ChangeAction>& actions, std::vector<WaiterId> waiters, ChangeAnswer answer) {
  if (!waiters.empty()) actions.emplace_back(Answer{std::move(waiters), answer});
}

void Say(std::deque<ChangeAction>& actions, const std::optional<Asker>& asker, ChangeAnswer answer) {
  if (asker) Say(actions, std::vector{asker->id}, answer);
}

}  // namespace

// ---- start of a program that was exec'ed ----

void Change::BeginReplaced(const std::vector<WaiterId>& waiters) {
  PF_CHECK(state_ == State::kBooting && !booted_, "a replaced program begins twice");
  for (const WaiterId id : waiters) queue_.Join(Asker{id, true});
  booted_ = true;
  fleet_free_ = false;
  coming_is_upgrade_ = true;
  Enter(State::kReplaced);
  actions_.emplace_back(StartGeneration{});
}

void Change::BeginReturned(std::vector<WaiterId> waiters) {
  PF_CHECK(state_ == State::kBooting && !booted_, "a returned program begins twice");
  booted_ = true;
  Enter(QuietState(booted_));
  actions_.emplace_back(ReportReturn{std::move(waiters)});
}

// ---- requests of the operator ----

void Change::AskReload(const std::optional<Asker>& asker) {
  if (Stopping()) return Say(actions_, asker, ChangeAnswer::kStopping);
  if (!MayBegin()) return Postpone(Wanted::kReload, asker);
  queue_.Join(asker);
  Begin(Wanted::kReload);
}

void Change::AskUpgrade(const std::optional<Asker>& asker) {
  if (Stopping()) return Say(actions_, asker, ChangeAnswer::kUpgradeStopping);
  if (!booted_) return Say(actions_, asker, ChangeAnswer::kNotServing);
  if (state_ == State::kChecking || state_ == State::kSettling) {  // under way: all share its outcome
    if (asker && !asker->wait) return Say(actions_, asker, ChangeAnswer::kUpgradeBegun);
    return queue_.Join(asker);
  }
  if (!MayBegin()) return Postpone(Wanted::kUpgrade, asker);
  queue_.Join(asker);
  Begin(Wanted::kUpgrade);
}

// Many requests become one queued change. The wait is bounded, because workers have their drain_timeout.
void Change::Postpone(Wanted wanted, const std::optional<Asker>& asker) {
  const bool upgrade = wanted == Wanted::kUpgrade;
  const bool no_wait = asker && !asker->wait;
  if (queue_.Put(wanted, no_wait ? std::nullopt : asker)) {
    actions_.emplace_back(ReportWaiting{upgrade, WhyWait(state_)});
  }
  if (no_wait) Say(actions_, asker, upgrade ? ChangeAnswer::kUpgradeWaits : ChangeAnswer::kReloadWaits);
}

void Change::AskStop(const StopTimes& times, Time now) {
  if (Stopping()) return AskStopNow(now);
  // The delay is for load balancers that still send clients. A server that has never been ready has no
  // clients.
  const Duration delay = booted_ ? times.delay : Duration(0);
  stop_by_ = now + delay + times.drain;
  BeginStop(State::kDelaying);
  actions_.emplace_back(AnnounceStop{stop_by_, delay});
  deadline_ = now + delay;
  Tick(now);
}

void Change::AskStopNow(Time now) {
  if (state_ == State::kFinished) return;
  if (!Stopping()) {
    BeginStop(State::kStopping);
    actions_.emplace_back(AnnounceStop{now, Duration(0)});
  }
  Enter(State::kStopping);
  actions_.emplace_back(StopAtOnce{});
}

// ---- outcome of an action ----

void Change::OnReloadRefused(std::string why, std::vector<std::string> problems) {
  if (state_ != State::kLoading) return;
  Enter(QuietState(booted_));
  actions_.emplace_back(RefuseReload{std::move(why), std::move(problems), queue_.TakeCurrent()});
  if (MayBegin()) Begin(queue_.TakeNext());
}

void Change::OnGenerationPrepared() {
  if (state_ != State::kLoading) return;
  fleet_free_ = false;
  coming_is_upgrade_ = false;
  Enter(State::kReloading);
  actions_.emplace_back(StartGeneration{});
}

void Change::OnGenerationStarted() {
  if (state_ == State::kReloading) Say(actions_, queue_.TakeNotWaiting(), ChangeAnswer::kReloadBegun);
}

void Change::OnPreflightStarted() {
  if (state_ == State::kChecking) Say(actions_, queue_.TakeNotWaiting(), ChangeAnswer::kUpgradeBegun);
}

void Change::OnPreflightAccepted(Time now) {
  if (state_ != State::kChecking) return;
  Enter(State::kSettling);
  deadline_ = now + kSaveTimeout;
  replacing_ = true;
  actions_.emplace_back(Replace{});
}

void Change::OnUpgradeFailed(std::string why) {
  if (state_ != State::kChecking && state_ != State::kSettling) return;
  replacing_ = false;
  Enter(QuietState(booted_));
  actions_.emplace_back(RefuseUpgrade{std::move(why), queue_.TakeCurrent()});
  if (MayBegin()) Begin(queue_.TakeNext());  // a change that waited for the upgrade
}

void Change::OnCannotReplaceYet() { replacing_ = false; }

void Change::OnDrained() {
  if (state_ != State::kDraining) return;
  Enter(State::kLeaving);
  actions_.emplace_back(StopWorkers{stop_by_});
}

// ---- events of the workers ----

void Change::OnFirstReady() {
  booted_ = true;
  Enter(state_ == State::kBooting ? State::kServing : state_);
}

void Change::OnPromoted() {
  if (state_ == State::kReloading || state_ == State::kReplaced) Enter(QuietState(booted_));
  if (state_ > State::kDelaying) return;  // it serves the connections that still wait, nothing more
  actions_.emplace_back(EnterService{coming_is_upgrade_, queue_.TakeCurrent()});
}

void Change::OnAbandoned(Generation generation, std::string reason) {
  if (state_ != State::kReloading && state_ != State::kReplaced) return;  // the stop has answered everyone
  Enter(QuietState(booted_));
  actions_.emplace_back(
      StayInService{coming_is_upgrade_, generation, std::move(reason), queue_.TakeCurrent()});
}

void Change::OnFleet(bool free) {
  fleet_free_ = free;
  if (!free) return;
  if (state_ == State::kSettling && !replacing_) {
    replacing_ = true;
    actions_.emplace_back(Replace{});
  } else if (MayBegin()) {
    Begin(queue_.TakeNext());
  }
}

void Change::OnFinished() {
  if (state_ == State::kFinished) return;
  BeginStop(State::kFinished);
}

void Change::Tick(Time now) {
  if (!deadline_ || *deadline_ > now) return;
  deadline_.reset();
  switch (state_) {
    case State::kSettling: return OnUpgradeFailed("timed out waiting for a stable worker state");
    case State::kDelaying:
      Enter(State::kDraining);
      deadline_ = stop_by_;
      actions_.emplace_back(CloseListeners{stop_by_});
      return;
    case State::kDraining: return OnDrained();  // gives up on connections that still wait
    default: return;
  }
}

std::optional<ChangeAction> Change::NextAction() {
  if (actions_.empty()) return std::nullopt;
  ChangeAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

// ---- helpers ----

void Change::Enter(State state) {
  if (std::exchange(state_, state) != state) deadline_.reset();
  const Phase phase = PhaseOf(state_, booted_);
  if (std::exchange(published_, phase) != phase) actions_.emplace_back(Publish{phase});
}

bool Change::MayBegin() const {
  return fleet_free_ && (state_ == State::kBooting || state_ == State::kServing);
}

void Change::Begin(Wanted wanted) {
  switch (wanted) {
    case Wanted::kNothing: return;
    case Wanted::kReload:
      Enter(State::kLoading);
      actions_.emplace_back(BeginReload{});
      return;
    case Wanted::kUpgrade:
      Enter(State::kChecking);
      actions_.emplace_back(StartPreflight{});
      return;
  }
}

void Change::BeginStop(State state) {
  // An action that has not begun must not begin: a stop may be requested inside the answer before it.
  const auto taken_back = std::erase_if(actions_, [](const ChangeAction& action) {
    return std::holds_alternative<BeginReload>(action) || std::holds_alternative<StartPreflight>(action) ||
           std::holds_alternative<Replace>(action);
  });
  if (state_ == State::kChecking && taken_back == 0) actions_.emplace_back(KillPreflight{});
  if (state_ == State::kLoading && taken_back == 0) actions_.emplace_back(DropReload{});
  replacing_ = false;
  Enter(state);
  Say(actions_, queue_.TakeAll(), ChangeAnswer::kStopping);
}

}  // namespace preforkd
