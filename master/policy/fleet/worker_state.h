// The states of one worker as the master sees it, and one total transition function. Pure.
//
//   gone --forked--> starting --ready--> ready --retire--> retiring --exited--> gone
//
// Every pair has a verdict: moved, ignored (it can happen, because messages and signals cross), or our bug.
#ifndef PREFORKD_MASTER_POLICY_FLEET_WORKER_STATE_H_
#define PREFORKD_MASTER_POLICY_FLEET_WORKER_STATE_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace preforkd {

// The state of an upgrade has the number: append only.
enum class WorkerState : std::uint8_t {
  kGone,      // no process
  kStarting,  // forked, has not reported ready
  kReady,     // may be handed connections
  kRetiring,  // is handed nothing new; exits when it has finished
};

enum class WorkerEvent {
  kForked,
  kReady,   // the worker reported ready
  kRetire,  // we have told it to retire
  kExited,  // reaped: the process no longer exists
};

enum class Verdict { kMoved, kIgnored, kBug };

struct Transition {
  WorkerState next;
  Verdict verdict;
};

Transition Next(WorkerState state, WorkerEvent event);

std::string_view Name(WorkerState state);
std::string_view Name(WorkerEvent event);
std::string_view Name(Verdict verdict);

inline constexpr std::array kAllWorkerStates = {WorkerState::kGone, WorkerState::kStarting,
                                                WorkerState::kReady, WorkerState::kRetiring};
inline constexpr std::array kAllWorkerEvents = {WorkerEvent::kForked, WorkerEvent::kReady,
                                                WorkerEvent::kRetire, WorkerEvent::kExited};

}  // namespace preforkd

#endif
