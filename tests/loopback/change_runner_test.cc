// ChangeRunner: no deadline of a change is missed, however early or late the loop's timer fires.
#include "master/change/change_runner.h"

#include <doctest/doctest.h>

#include <variant>

#include "common/event/timer.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

}  // namespace

// The loop's timer may fire up to a millisecond early (timer.h), when the change is not due
// yet.
TEST_CASE("a stop delay ends although the timer fires a moment early") {
  constexpr Duration kDelay = milliseconds(30);
  for (int round = 0; round < 60; ++round) {
    Result<EventLoop> loop = EventLoop::Create();
    REQUIRE(loop.Ok());
    bool closed = false;
    ChangeRunner runner(loop.Value(), [&](const ChangeAction& action) {
      if (std::holds_alternative<CloseListeners>(action)) closed = true;
    });
    runner.Tell([](Change& change) { change.OnFirstReady(); });
    // Due soon, at any phase of the coarse clock that the loop's timers use.
    const Time begin = Now() - kDelay + std::chrono::microseconds(4000 + 137 * round);
    runner.Tell([&](Change& change) { change.AskStop({kDelay, std::chrono::seconds(30)}, begin); });
    Timer wake_up(loop.Value(), EventLoop::kPriorityControl, [] {});
    CHECK(WaitUntil(std::chrono::seconds(1), [&] {
      wake_up.SetAfter(Duration(0));  // keeps the loop busy: an idle one sleeps to the next millisecond
      REQUIRE(loop.Value().RunOnce().Ok());
      return closed;
    }));
  }
}

}  // namespace preforkd::testing
