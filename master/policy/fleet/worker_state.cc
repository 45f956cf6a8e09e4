#include "master/policy/fleet/worker_state.h"

namespace preforkd {
namespace {

Transition Moved(WorkerState next) { return {next, Verdict::kMoved}; }
Transition Ignored(WorkerState state) { return {state, Verdict::kIgnored}; }
Transition Bug(WorkerState state) { return {state, Verdict::kBug}; }

Transition FromGone(WorkerEvent event) {
  switch (event) {
    case WorkerEvent::kForked: return Moved(WorkerState::kStarting);
    case WorkerEvent::kReady: return Ignored(WorkerState::kGone);  // sent before its exit, read after it
    case WorkerEvent::kRetire: return Ignored(WorkerState::kGone);
    case WorkerEvent::kExited: return Bug(WorkerState::kGone);  // reaped twice
  }
  return Bug(WorkerState::kGone);
}

Transition FromStarting(WorkerEvent event) {
  switch (event) {
    case WorkerEvent::kForked: return Bug(WorkerState::kStarting);  // two processes in one slot
    case WorkerEvent::kReady: return Moved(WorkerState::kReady);
    case WorkerEvent::kRetire: return Moved(WorkerState::kRetiring);
    case WorkerEvent::kExited: return Moved(WorkerState::kGone);
  }
  return Bug(WorkerState::kStarting);
}

Transition FromReady(WorkerEvent event) {
  switch (event) {
    case WorkerEvent::kForked: return Bug(WorkerState::kReady);
    case WorkerEvent::kReady: return Ignored(WorkerState::kReady);  // sent twice: harmless
    case WorkerEvent::kRetire: return Moved(WorkerState::kRetiring);
    case WorkerEvent::kExited: return Moved(WorkerState::kGone);
  }
  return Bug(WorkerState::kReady);
}

Transition FromRetiring(WorkerEvent event) {
  switch (event) {
    case WorkerEvent::kForked: return Bug(WorkerState::kRetiring);
    case WorkerEvent::kReady: return Ignored(WorkerState::kRetiring);  // told to retire before it was ready
    case WorkerEvent::kRetire: return Ignored(WorkerState::kRetiring);
    case WorkerEvent::kExited: return Moved(WorkerState::kGone);
  }
  return Bug(WorkerState::kRetiring);
}

}  // namespace

Transition Next(WorkerState state, WorkerEvent event) {
  switch (state) {
    case WorkerState::kGone: return FromGone(event);
    case WorkerState::kStarting: return FromStarting(event);
    case WorkerState::kReady: return FromReady(event);
    case WorkerState::kRetiring: return FromRetiring(event);
  }
  return Bug(state);
}

std::string_view Name(WorkerState state) {
  switch (state) {
    case WorkerState::kGone: return "gone";
    case WorkerState::kStarting: return "starting";
    case WorkerState::kReady: return "ready";
    case WorkerState::kRetiring: return "retiring";
  }
  return "?";
}

std::string_view Name(WorkerEvent event) {
  switch (event) {
    case WorkerEvent::kForked: return "forked";
    case WorkerEvent::kReady: return "ready";
    case WorkerEvent::kRetire: return "retire";
    case WorkerEvent::kExited: return "exited";
  }
  return "?";
}

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMoved: return "moved";
    case Verdict::kIgnored: return "ignored";
    case Verdict::kBug: return "bug";
  }
  return "?";
}

}  // namespace preforkd
