#include "master/policy/read_quota.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

namespace preforkd::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A queue that is read turn by turn. Counts reads, and those that found nothing.
struct Queue {
  void Turn(Time now) {
    const int most = quota.Begin(now);
    CHECK(most >= 1);
    CHECK(most <= ReadQuota::kMost);
    int read = 0;
    for (; read < most; ++read) {
      ++reads;
      if (waiting == 0) break;
      --waiting;
    }
    vain += read < most ? 1 : 0;
    ++turns;
    quota.End(read, now);
  }

  ReadQuota quota;
  int waiting = 0;
  int reads = 0;
  int vain = 0;
  int turns = 0;
};

}  // namespace

TEST_CASE("messages that come one by one are read one by one, and nothing is tried in vain") {
  Queue queue;
  Time now{};
  for (int i = 0; i < 1000; ++i) {
    now += milliseconds(1);
    queue.waiting = 1;
    queue.Turn(now);
    CHECK(queue.waiting == 0);
  }
  CHECK(queue.reads == 1000);
  CHECK(queue.vain == 0);
}

TEST_CASE("a thousand at once are read in few turns") {
  Queue queue;
  queue.waiting = 1000;
  Time now{};
  while (queue.waiting > 0) {
    queue.Turn(now);
    now += microseconds(50);
  }
  CHECK(queue.turns < 25);
  CHECK(queue.vain <= 1);
}

TEST_CASE("whatever comes: each turn reads something, and no more than it may") {
  std::mt19937 random(3);
  Queue queue;
  Time now{};
  for (int i = 0; i < 100'000; ++i) {
    now += microseconds(random() % 500);
    if (random() % 3 == 0) queue.waiting += static_cast<int>(random() % 100);
    if (queue.waiting == 0) continue;  // the loop has nothing to report
    const int before = queue.waiting;
    queue.Turn(now);
    CHECK(queue.waiting < before);
  }
  CHECK(queue.vain * 2 < queue.turns);
}

}  // namespace preforkd::testing
