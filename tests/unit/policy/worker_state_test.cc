// The life of a worker, all of it: the whole matrix as text that a reviewer can read.
#include "master/policy/fleet/worker_state.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <string>

namespace preforkd::testing {

TEST_CASE("every state answers every event") {
  const std::string golden =
      "gone     + forked -> starting moved\n"
      "gone     + ready  -> gone     ignored\n"
      "gone     + retire -> gone     ignored\n"
      "gone     + exited -> gone     bug\n"
      "starting + forked -> starting bug\n"
      "starting + ready  -> ready    moved\n"
      "starting + retire -> retiring moved\n"
      "starting + exited -> gone     moved\n"
      "ready    + forked -> ready    bug\n"
      "ready    + ready  -> ready    ignored\n"
      "ready    + retire -> retiring moved\n"
      "ready    + exited -> gone     moved\n"
      "retiring + forked -> retiring bug\n"
      "retiring + ready  -> retiring ignored\n"
      "retiring + retire -> retiring ignored\n"
      "retiring + exited -> gone     moved\n";
  std::string matrix;
  for (const WorkerState state : kAllWorkerStates) {
    for (const WorkerEvent event : kAllWorkerEvents) {
      const Transition transition = Next(state, event);
      matrix += fmt::format("{:<8} + {:<6} -> {:<8} {}\n", Name(state), Name(event), Name(transition.next),
                            Name(transition.verdict));
    }
  }
  CHECK(matrix == golden);
}

TEST_CASE("only a move changes the state") {
  for (const WorkerState state : kAllWorkerStates) {
    for (const WorkerEvent event : kAllWorkerEvents) {
      const Transition transition = Next(state, event);
      CHECK((transition.next != state) == (transition.verdict == Verdict::kMoved));
    }
  }
}

}  // namespace preforkd::testing
