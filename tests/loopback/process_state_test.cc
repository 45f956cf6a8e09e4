#include "common/process/process_state.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/support/fork_peer.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {

TEST_CASE("a running process is not asleep, a waiting one is") {
  const PeerResult result = RunPeer([] {
    if (IsAsleep(::getpid())) return 1;
    // The test's own process waits for this one.
    return WaitUntil(kTimeout, [] { return IsAsleep(::getppid()); }) ? 0 : 2;
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

TEST_CASE("an unknown state counts as not asleep") {
  CHECK_FALSE(IsAsleep(0));
  CHECK_FALSE(IsAsleep(-1));
}

}  // namespace preforkd::testing
