// How long a request waits in its worker: by the time that handlers take.
#include "worker/module/http/local_wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace preforkd::module {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kReclaim = milliseconds(20);

// One thread runs handlers, one after the other.
struct Thread {
  void Run(Duration time, int times = 1) {
    for (int i = 0; i < times; ++i) {
      local_wait.Ran(1, now);
      now += time;
      local_wait.Ran(0, now);
      now += seconds(1);  // nothing to do is not the time of a handler
    }
  }
  LocalWait local_wait;
  Time now = FromNanoseconds(1);
};

}  // namespace

TEST_CASE("before a handler has ended, they count as long: a request leaves after a moment") {
  Thread thread;
  CHECK(thread.local_wait.Limit(kReclaim) == LocalWait::kMoment);
  thread.local_wait.Ran(1, thread.now);
  CHECK(thread.local_wait.Limit(kReclaim) == LocalWait::kMoment);
}

TEST_CASE("short handlers: a request stays for as long as anything may wait in a slot") {
  Thread thread;
  thread.Run(milliseconds(1));
  CHECK(thread.local_wait.Limit(kReclaim) == kReclaim);
  CHECK(thread.local_wait.Limit(microseconds(10)) == LocalWait::kMoment);
  CHECK(thread.local_wait.Limit(Duration(0)) == std::nullopt);
}

TEST_CASE("long handlers: after a moment, whatever may wait in a slot") {
  Thread thread;
  thread.Run(milliseconds(3));
  CHECK(thread.local_wait.Limit(kReclaim) == LocalWait::kMoment);
  CHECK(thread.local_wait.Limit(Duration(0)) == LocalWait::kMoment);
}

TEST_CASE("the mean follows the handlers, also after a million of the other kind") {
  Thread thread;
  thread.Run(microseconds(10), 1'000'000);
  CHECK(thread.local_wait.Limit(kReclaim) == kReclaim);
  thread.Run(milliseconds(5), 100);
  CHECK(thread.local_wait.Limit(kReclaim) == LocalWait::kMoment);
  thread.Run(microseconds(10), 200);
  CHECK(thread.local_wait.Limit(kReclaim) == kReclaim);
}

TEST_CASE("a tenth blocks for 50 ms: requests leave after a moment") {
  Thread thread;
  thread.Run(microseconds(100), 9);
  thread.Run(milliseconds(50));
  CHECK(thread.local_wait.Limit(kReclaim) == LocalWait::kMoment);
}

TEST_CASE("several threads: the mean is of the handlers, however they overlap") {
  std::mt19937 random(3);
  for (const auto& [time, expected] : {std::pair<Duration, Duration>{microseconds(2'000), kReclaim},
                                       {microseconds(4'000), LocalWait::kMoment}}) {
    LocalWait local_wait;
    Time now = FromNanoseconds(1);
    std::vector<Time> ends;  // of those that run
    for (int i = 0; i < 10'000; ++i) {
      const auto first = std::min_element(ends.begin(), ends.end());
      if (ends.size() < 4 && (ends.empty() || random() % 2 == 0)) {
        now = std::min(now + microseconds(random() % 100), ends.empty() ? Time::max() : *first);
        ends.push_back(now + time);
      } else {
        now = *first;
        ends.erase(first);
      }
      local_wait.Ran(ends.size(), now);
      if (i > 100) REQUIRE(local_wait.Limit(kReclaim) == expected);
    }
  }
}

}  // namespace preforkd::module
