// Change: which change of the server is under way, which one may begin next, and who waits for its outcome.
// Pure: it is told events and times and returns actions.
//
//   booting --first ready--> serving
//   booting, serving --reload--> loading --prepared--> reloading --promoted, abandoned--> booting, serving
//   loading --refused--> booting, serving
//   serving --upgrade--> checking --accepted--> settling --exec--> (the new program, in replaced)
//   checking, settling --failed--> serving
//   replaced --promoted, abandoned--> serving
//   any of these --TERM--> delaying --time over--> draining --no connection waits--> leaving --> finished
//   any of these --INT, second TERM--> stopping --> finished
//
// The rules:
//   - One change at a time. Reloads and upgrades that are requested meanwhile wait; several of a kind become
//     one. A queued upgrade also does the work of a queued reload, because the new program reads the
//     configuration.
//   - A change waits until no worker of an earlier generation is left (OnFleet), so that never three
//     generations run at once.
//   - Once a stop is requested no change begins, and all waiting requests are answered. A generation that is
//     starting may still enter service while new connections are accepted.
//   - Each request is answered exactly once.
#ifndef PREFORKD_MASTER_POLICY_CHANGE_CHANGE_H_
#define PREFORKD_MASTER_POLICY_CHANGE_CHANGE_H_

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "master/policy/change/change_actions.h"
#include "master/policy/change/change_queue.h"

namespace preforkd {

class Change {
 public:
  enum class State {
    kBooting,    // not every pool has had a ready worker yet
    kServing,    // no change is under way
    kLoading,    // the configuration is being read and checked, and its modules are opened
    kReloading,  // a new generation is starting
    kChecking,   // the new program runs as a child and checks the configuration and the state
    kSettling,   // it has accepted; the exec waits until the state can be saved
    kReplaced,   // this is the new program; its first generation is starting beside the old workers
    kDelaying,   // stopping: not ready for load balancers, but still accepting
    kDraining,   // not accepting any more; connections still wait in the master
    kLeaving,    // the workers have been told to finish
    kStopping,   // stopping at once
    kFinished,   // no worker is left
  };

  // Bounds of a graceful stop: `delay` while still accepting, then `drain` to finish.
  struct StopTimes {
    Duration delay{};
    Duration drain{};
  };

  // How long an accepted upgrade waits for a moment in which the state can be saved.
  static constexpr Duration kSaveTimeout = std::chrono::seconds(10);

  // ---- start of a program that was exec'ed in an upgrade; without these calls it starts in kBooting ----
  // This program has replaced another one. `waiters` asked that one for the upgrade.
  void BeginReplaced(const std::vector<WaiterId>& waiters);
  // This program is running again because the new one failed to take over.
  void BeginReturned(std::vector<WaiterId> waiters);

  // ---- requests of the operator; nullopt: nobody is to be answered ----
  void AskReload(const std::optional<Asker>& asker);
  void AskUpgrade(const std::optional<Asker>& asker);
  // TERM, QUIT. A second call stops at once.
  void AskStop(const StopTimes& times, Time now);
  // INT.
  void AskStopNow(Time now);

  // ---- outcome of an action ----
  // Of BeginReload: the configuration has problems, or an address or a file cannot be used.
  void OnReloadRefused(std::string why, std::vector<std::string> problems);
  // Of BeginReload: everything is prepared.
  void OnGenerationPrepared();
  // Of StartGeneration: its workers are starting. Ignored if the generation was abandoned meanwhile.
  void OnGenerationStarted();
  // Of StartPreflight: the child is running.
  void OnPreflightStarted();
  // Of StartPreflight: the child has exited and accepted.
  void OnPreflightAccepted(Time now);
  // Of StartPreflight and Replace. `why`: one line for the log and the answers.
  void OnUpgradeFailed(std::string why);
  // Of Replace: the state cannot be saved at this moment.
  void OnCannotReplaceYet();
  // Of CloseListeners, inside the call or later: no accepted connection waits in the master any more.
  void OnDrained();

  // ---- events of the workers ----
  void OnFirstReady();
  void OnPromoted();
  void OnAbandoned(Generation generation, std::string reason);
  // Call after each event of the workers. `free`: the state of the workers allows a change to begin.
  void OnFleet(bool free);
  void OnFinished();

  // Does what is due. Call it at NextDeadline().
  void Tick(Time now);

  // ---- answers ----
  // The next thing to do; nullopt: nothing. One at a time, because a stop cancels actions that have not
  // begun.
  std::optional<ChangeAction> NextAction();
  [[nodiscard]] std::optional<Time> NextDeadline() const { return deadline_; }
  [[nodiscard]] State Current() const { return state_; }
  // A stop has been requested.
  [[nodiscard]] bool Stopping() const { return state_ >= State::kDelaying; }
  // New connections are accepted.
  [[nodiscard]] bool MayAccept() const { return booted_ && state_ <= State::kDelaying; }

 private:
  void Enter(State state);
  [[nodiscard]] bool MayBegin() const;
  void Begin(ChangeQueue::Wanted wanted);
  void Postpone(ChangeQueue::Wanted wanted, const std::optional<Asker>& asker);
  // Answers all waiting requests and cancels the actions that have not begun.
  void BeginStop(State state);

  State state_ = State::kBooting;
  Phase published_ = Phase::kStarting;
  bool booted_ = false;
  bool fleet_free_ = true;          // last value of OnFleet; false once a generation starts
  bool replacing_ = false;          // a Replace action has no outcome yet
  bool coming_is_upgrade_ = false;  // the starting generation is the first one of a new program
  ChangeQueue queue_;
  Time stop_by_{};
  std::optional<Time> deadline_;      // of the current state
  std::deque<ChangeAction> actions_;  // not done yet, in order
};

}  // namespace preforkd

#endif
