// HangWatch: detects workers that no longer respond. Pure: fed with heartbeats and times.
//
// Two steps: SIGABRT, so that the worker logs a backtrace and leaves a core, and kAbortGrace later SIGKILL,
// because a stopped process handles no other signal. A master that was itself paused (SIGSTOP, suspended
// machine, debugger) sees only old heartbeats. It judges no worker until each had a fresh hang_timeout.
#ifndef PREFORKD_MASTER_POLICY_HANG_H_
#define PREFORKD_MASTER_POLICY_HANG_H_

#include <optional>

#include "common/base/clock.h"

namespace preforkd {

// What has been done about one unresponsive worker. Lives as long as the worker.
struct HangState {
  std::optional<Time> aborted_at;
  bool killed = false;

  // We have sent it SIGABRT.
  [[nodiscard]] bool Aborted() const { return aborted_at.has_value(); }
};

// One watch for all workers with the same hang_timeout.
class HangWatch {
 public:
  enum class Verdict { kFine, kAbort, kKill };
  static constexpr Duration kAbortGrace = std::chrono::seconds(2);
  // The time from which a worker counts as silent: when the heartbeat after `heartbeat` was due. So a loop
  // may block for hang_timeout, at whatever moment between two heartbeats that begins.
  static Time SilentSince(Time heartbeat) { return heartbeat + kHeartbeatInterval; }

  // How often to judge for a given hang_timeout: a quarter of it, 10 ms to 1 s.
  static Duration Interval(Duration hang_timeout);

  // Starts a round of judgements. True if the master itself was paused since the last round.
  bool BeginRound(Duration hang_timeout, Time now);
  // `heartbeat`: the last one of the worker that `state` belongs to. kAbort and kKill are returned once each.
  Verdict Judge(HangState& state, Time heartbeat, Duration hang_timeout, Time now) const;

 private:
  std::optional<Time> last_round_;
  Time fresh_since_{};  // older heartbeats do not count
};

}  // namespace preforkd

#endif
