#include "worker/connection/session_timer.h"

#include <doctest/doctest.h>

#include <iterator>
#include <list>
#include <set>
#include <vector>

#include "common/event/event_loop.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

}  // namespace

TEST_CASE(
    "connections that become idle one after the other are parked in few turns of the loop, none early") {
  constexpr int kClients = 120;
  EventLoop loop = std::move(EventLoop::Create()).Value();
  int turn = 0;
  int parked = 0;
  std::set<int> turns;
  std::list<SessionTimer> timers;
  const Time start = Now();
  for (int i = 0; i < kClients; ++i) {
    const Duration stay = milliseconds(512 + i);  // the same as if each had become idle a millisecond later
    timers.emplace_back(loop, [&, i, stay] {
      SessionTimer& timer = *std::next(timers.begin(), i);
      CHECK(timer.Passed() == SessionTimer::Deadline::kParking);
      CHECK(Now() + milliseconds(1) >= start + stay);
      timer.Cancel();
      turns.insert(turn);
      ++parked;
    });
    timers.back().SetAfter(stay, std::chrono::seconds(60), start);
  }
  CHECK(WaitUntil(kTimeout, [&] {
    REQUIRE(loop.RunOnce().Ok());
    ++turn;
    return parked == kClients;
  }));
  // Four or five times, in each of which libevent's clock may differ from ours.
  CHECK(turns.size() <= kClients / 8);
}

TEST_CASE("a connection whose session ends before others are parked is parked in time, and ended in time") {
  EventLoop loop = std::move(EventLoop::Create()).Value();
  std::vector<SessionTimer::Deadline> passed;
  std::vector<Time> times;
  SessionTimer* self = nullptr;
  SessionTimer timer(loop, [&] {
    passed.push_back(self->Passed());
    times.push_back(Now());
  });
  self = &timer;
  Time idle = Now();
  while (SessionTimer::ParkingTime(idle, milliseconds(600)) < idle + milliseconds(605))
    idle -= milliseconds(1);
  timer.SetAfter(milliseconds(600), milliseconds(605), idle);
  CHECK(WaitUntil(kTimeout, [&] {
    REQUIRE(loop.RunOnce().Ok());
    return passed.size() == 2;
  }));
  CHECK(passed == std::vector{SessionTimer::Deadline::kParking, SessionTimer::Deadline::kSession});
  CHECK(times[0] + milliseconds(1) >= idle + milliseconds(600));
  CHECK(times[1] + milliseconds(1) >= idle + milliseconds(605));
}

}  // namespace preforkd::testing
