// Change: which change of the server is under way, what may begin next, and who waits for its outcome. Pure:
// it is told events and times, and answers with actions.
//
//   booting --first ready--> serving
//   booting, serving --reload--> loading --prepared--> reloading --promoted, abandoned--> booting, serving
//   loading --refused--> booting, serving
//   serving --upgrade--> checking --accepted--> settling --exec--> (the new program, in replaced)
//   checking, settling --failed--> serving
//   replaced --promoted, abandoned--> serving
//   any of these --TERM--> delaying --time over--> draining --nothing waits--> leaving --> finished
//   any of these --INT, second TERM--> stopping --> finished
//
// The rules:
//   - One change at a time. A reload or an upgrade that is asked for meanwhile waits; many such are one. An
//     upgrade that waits is the reload that waits too, because the new program reads the configuration.
//   - A change waits until no worker of an earlier generation is left (OnFleet), so that never three live
//     at once.
//   - Once a stop is asked for, no change begins, and all who wait are told. A generation that is starting
//     may still come into service while new connections are taken.
//   - Each asker is answered once, whatever happens.
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
    kBooting,  // no pool has had a ready worker yet, or not all
    kServing,
    kLoading,    // the configuration is being read and checked
    kReloading,  // a new generation is starting
    kChecking,   // the new program runs as a child and looks at the configuration and the state
    kSettling,   // it has accepted; the exec waits for a moment in which the state can be saved
    kReplaced,  // this is the new program; its first generation is starting beside the workers of the old one
    kDelaying,  // told to stop: says that it is not ready, and still takes connections
    kDraining,  // nothing is accepted any more; connections still wait in the master
    kLeaving,   // the workers have been told to finish
    kStopping,  // at once
    kFinished,  // nothing is left to supervise
  };

  // How long the stop may take.
  struct StopTimes {
    Duration delay{};
    Duration drain{};
  };

  // How long to wait for a moment in which the state can be saved.
  static constexpr Duration kSaveTimeout = std::chrono::seconds(10);

  // ---- the beginning of a program that was exec'ed; the others begin with kBooting ----
  // In place of another program. `waiters` asked that one for the upgrade.
  void BeginReplaced(const std::vector<WaiterId>& waiters);
  // Back again, because its successor could not take over.
  void BeginReturned(std::vector<WaiterId> waiters);

  // ---- what the operator asks; a signal has no asker ----
  void AskReload(const std::optional<Asker>& asker);
  void AskUpgrade(const std::optional<Asker>& asker);
  // TERM, QUIT. The second one stops at once.
  void AskStop(const StopTimes& times, Time now);
  // INT.
  void AskStopNow(Time now);

  // ---- what became of an action ----
  // Of BeginReload: the configuration is wrong, or an address cannot be had.
  void OnReloadRefused(std::string why, std::vector<std::string> problems);
  // Of BeginReload: all is prepared.
  void OnGenerationPrepared();
  // Of StartGeneration, when its workers are being started and it has not been abandoned inside the call.
  void OnGenerationStarted();
  // Of StartPreflight: the child runs.
  void OnPreflightStarted();
  // Of StartPreflight, when the child has ended.
  void OnPreflightAccepted(Time now);
  // Of StartPreflight and Replace: why it does not go on.
  void OnUpgradeFailed(std::string why);
  // Of Replace: not at this moment.
  void OnCannotReplaceYet();
  // Of CloseListeners, now or later: nothing that was accepted waits in the master any more.
  void OnDrained();

  // ---- what happens to the workers ----
  void OnFirstReady();
  void OnPromoted();
  void OnAbandoned(std::string reason);
  // After each event of the workers. `free`: a change may begin, as far as they are concerned.
  void OnFleet(bool free);
  void OnFinished();

  // Whatever is due. Call it at NextDeadline().
  void Tick(Time now);

  // ---- answers ----
  // The next thing to do; nullopt: nothing. One at a time, because a stop takes back what has not begun.
  std::optional<ChangeAction> NextAction();
  [[nodiscard]] std::optional<Time> NextDeadline() const { return deadline_; }
  [[nodiscard]] State Current() const { return state_; }
  // A stop has been asked for.
  [[nodiscard]] bool Stopping() const { return state_ >= State::kDelaying; }
  // New connections are taken.
  [[nodiscard]] bool MayAccept() const { return booted_ && state_ <= State::kDelaying; }

 private:
  void Enter(State state);
  [[nodiscard]] bool MayBegin() const;
  void Begin(ChangeQueue::Wanted wanted);
  void Postpone(ChangeQueue::Wanted wanted, const std::optional<Asker>& asker);
  // Whatever is under way is not waited for any more, and what has not begun does not begin.
  void BeginStop(State state);

  State state_ = State::kBooting;
  Phase published_ = Phase::kStarting;
  bool booted_ = false;
  bool fleet_free_ = true;          // as OnFleet said last; not from the start of a generation on
  bool replacing_ = false;          // a Replace action has no outcome yet
  bool coming_is_upgrade_ = false;  // the generation that is starting is the first one of a new program
  ChangeQueue queue_;
  Time stop_by_{};
  std::optional<Time> deadline_;      // of the state
  std::deque<ChangeAction> actions_;  // not done yet, in order
};

}  // namespace preforkd

#endif
