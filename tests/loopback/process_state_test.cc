#include "common/process/process_state.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/support/fork_peer.h"
#include "tests/support/wait_until.h"

namespace preforkd {

TEST_CASE("who runs is not asleep, who waits is") {
  const testing::PeerResult result = testing::RunPeer([] {
    if (IsAsleep(::getpid())) return 1;
    // The test's own process waits for this one.
    return testing::WaitUntil(testing::kTimeout, [] { return IsAsleep(::getppid()); }) ? 0 : 2;
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
}

TEST_CASE("what cannot be known is not asleep") {
  CHECK_FALSE(IsAsleep(0));
  CHECK_FALSE(IsAsleep(-1));
}

}  // namespace preforkd
