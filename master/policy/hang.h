// HangWatch: which workers do not answer any more. Pure: fed with heartbeats and times.
//
// Two steps: SIGABRT, so that the worker says where it was (and leaves a core), and some seconds later
// SIGKILL, because a stopped process hears nothing else. A master that was itself paused (SIGSTOP, a
// suspended machine, a debugger) sees only old heartbeats: it must judge nobody until everybody has had a
// fresh period.
#ifndef PREFORKD_MASTER_POLICY_HANG_H_
#define PREFORKD_MASTER_POLICY_HANG_H_

#include <optional>

#include "common/base/clock.h"

namespace preforkd {

// What has been done about one worker that does not answer. It ends with the worker.
struct HangState {
  std::optional<Time> aborted_at;
  bool killed = false;

  // It was sent SIGABRT by us.
  [[nodiscard]] bool Aborted() const { return aborted_at.has_value(); }
};

// One for all workers that have the same hang_timeout.
class HangWatch {
 public:
  enum class Verdict { kFine, kAbort, kKill };
  static constexpr Duration kAbortGrace = std::chrono::seconds(2);
  // Since when a worker is silent whose last heartbeat was then: since the next one was due. So hang_timeout
  // is how long a loop may stand still, at whatever moment between two heartbeats that begins.
  static Time SilentSince(Time heartbeat) { return heartbeat + kHeartbeatInterval; }

  // How often to judge, for a given hang_timeout.
  static Duration Interval(Duration hang_timeout);

  // A round of judgements begins. True when the master itself was away since the last one.
  bool BeginRound(Duration hang_timeout, Time now);
  // `heartbeat`: the last one of the worker of `state`. kAbort and kKill are said once each.
  Verdict Judge(HangState& state, Time heartbeat, Duration hang_timeout, Time now) const;

 private:
  std::optional<Time> last_round_;
  Time fresh_since_{};  // heartbeats from before do not count
};

}  // namespace preforkd

#endif
