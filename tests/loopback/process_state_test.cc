#include "common/process/process_state.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <future>
#include <thread>

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

TEST_CASE("asleep beside the first thread: not while another one computes and the first one waits for it") {
  const PeerResult result = RunPeer([] {
    int wrong = 0;
    std::thread computes([&wrong] {
      if (!WaitUntil(kTimeout, [] { return IsAsleep(::getpid()); })) wrong = 1;  // the first waits in join
      if (IsAsleepBesideTheFirst(::getpid())) wrong = 2;
    });
    computes.join();
    return wrong;
  });
  CHECK_MESSAGE(result.Ok(), result.Text());
  // This process waits for the peer in one thread, and for the end of the test in another one.
  std::promise<void> end;
  std::thread waits([ended = end.get_future()] { ended.wait(); });
  const PeerResult asleep =
      RunPeer([] { return WaitUntil(kTimeout, [] { return IsAsleepBesideTheFirst(::getppid()); }) ? 0 : 1; });
  end.set_value();
  waits.join();
  CHECK_MESSAGE(asleep.Ok(), asleep.Text());
}

TEST_CASE("an unknown state counts as not asleep") {
  CHECK_FALSE(IsAsleep(0));
  CHECK_FALSE(IsAsleep(-1));
  CHECK_FALSE(IsAsleepBesideTheFirst(0));
  CHECK_FALSE(IsAsleepBesideTheFirst(-1));
}

}  // namespace preforkd::testing
