#include "master/accept/second_look.h"

#include <doctest/doctest.h>

#include <random>

namespace preforkd::testing {
namespace {

constexpr int kBatch = 64;

// A queue of connections that is accepted batch by batch, as Listener does it.
struct Queue {
  void Batch() {
    const int most = look.Begin() ? kBatch : 1;
    int found = 0;
    for (; found < most; ++found) {
      ++looks;
      if (waiting == 0) break;
      --waiting;
      look.Found();
    }
    ++batches;
  }

  SecondLook look;
  int waiting = 0;
  int looks = 0;
  int batches = 0;
};

void ComeOneByOne(Queue& queue, int count) {
  for (int i = 0; i < count; ++i) {
    ++queue.waiting;
    queue.Batch();
    CHECK(queue.waiting == 0);
  }
}

}  // namespace

TEST_CASE("connections that come one by one: one look each, and a second one in sixteen times") {
  Queue queue;
  ComeOneByOne(queue, 16);
  CHECK(queue.looks == 32);
  queue.looks = 0;
  ComeOneByOne(queue, 1600);
  CHECK(queue.looks == 1700);
}

TEST_CASE("connections that come together are accepted together") {
  Queue queue;
  for (int i = 0; i < 1000; ++i) {
    queue.waiting = 2 + i % 40;
    queue.Batch();
    CHECK(queue.waiting == 0);
  }
  CHECK(queue.batches == 1000);
}

TEST_CASE("after a long time with one at a time, no more than sixteen of many are accepted alone") {
  Queue queue;
  ComeOneByOne(queue, 1000);
  queue.waiting = 40;
  queue.batches = 0;
  while (queue.waiting > 0) queue.Batch();
  CHECK(queue.batches <= 17);
  queue.batches = 0;
  for (int i = 0; i < 100; ++i) {
    queue.waiting = 40;
    queue.Batch();
  }
  CHECK(queue.waiting == 0);
}

TEST_CASE("a walk: nothing is left, and never more than two looks for a batch's one connection") {
  std::mt19937 random(7);
  for (int walk = 0; walk < 200; ++walk) {
    Queue queue;
    int come = 0;
    const auto most = 1 + random() % 4;
    for (int i = 0; i < 1000; ++i) {
      const int more = static_cast<int>(random() % most);
      queue.waiting += more;
      come += more;
      const int before = queue.waiting;
      queue.Batch();
      if (before > 0) CHECK(queue.waiting < before);
    }
    while (queue.waiting > 0) queue.Batch();
    CHECK(queue.looks <= come + queue.batches);
  }
}

}  // namespace preforkd::testing
