#include "common/structures/ring.h"

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <random>

namespace preforkd::testing {

TEST_CASE("a seeded random walk: a ring behaves like a deque") {
  Ring<std::unique_ptr<int>> ring;
  std::deque<int> model;
  std::mt19937 random(5);
  for (int step = 0; step < 100'000; ++step) {
    // Grows and shrinks in turn, so that it grows while it is wrapped around.
    const bool growing = step % 2000 < 1000;
    switch (random() % (growing ? 3 : 6)) {
      case 0:
        ring.PushBack(std::make_unique<int>(step));
        model.push_back(step);
        break;
      case 1:
        ring.PushFront(std::make_unique<int>(step));
        model.push_front(step);
        break;
      default:
        if (model.empty()) break;
        REQUIRE(*ring.Front() == model.front());
        REQUIRE(*ring.PopFront() == model.front());
        model.pop_front();
        break;
    }
    if (random() % 20'000 == 0) {
      ring.Clear();
      model.clear();
    }
    REQUIRE(ring.Size() == model.size());
    REQUIRE(ring.Empty() == model.empty());
    if (!model.empty()) {
      const std::size_t index = random() % model.size();
      REQUIRE(*ring[index] == model[index]);
    }
  }
}

}  // namespace preforkd::testing
