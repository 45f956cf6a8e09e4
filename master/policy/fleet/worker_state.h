// The life of one worker as the master sees it: one enum, one total transition function. Pure.
//
//   gone --forked--> starting --ready--> ready --retire--> retiring --exited--> gone
//
// Every pair has an answer: moved, ignored (it can happen: messages and signals cross), or a bug of ours.
#ifndef PREFORKD_MASTER_POLICY_FLEET_WORKER_STATE_H_
#define PREFORKD_MASTER_POLICY_FLEET_WORKER_STATE_H_

#include <array>
#include <string_view>

namespace preforkd {

enum class WorkerState {
  kGone,      // no process
  kStarting,  // forked, has not said that it is ready
  kReady,     // may be handed connections
  kRetiring,  // is handed nothing new; leaves when it has finished
};

enum class WorkerEvent {
  kForked,
  kReady,   // said that it is ready
  kRetire,  // we have told it to leave
  kExited,  // waited for: the process does not exist any more
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
