#include "common/structures/deadline_heap.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <list>
#include <random>

namespace preforkd::testing {
namespace {

struct Thing : DeadlineHeap::Entry {
  bool inside = false;
};

Time At(std::uint64_t seconds) { return Time(std::chrono::seconds(seconds)); }

}  // namespace

TEST_CASE("a seeded random walk: the earliest is the minimum of all") {
  std::list<Thing> things;
  DeadlineHeap heap;
  std::mt19937 random(11);
  for (int step = 0; step < 100'000; ++step) {
    const bool growing = step % 2000 < 1000;
    if (things.empty() || random() % 10 < (growing ? 7U : 3U)) {
      Thing& thing = things.emplace_back();
      thing.at = At(random() % 50);  // many are equal
      if (random() % 8 != 0) {
        heap.Add(thing);
        thing.inside = true;
      }
    } else {
      const std::size_t index = random() % std::min<std::size_t>(things.size(), 40);
      const auto leaves = std::next(things.begin(), static_cast<std::ptrdiff_t>(index));
      heap.Remove(*leaves);  // also those that were never in it
      things.erase(leaves);
    }
    if (step % 7 != 0) continue;
    std::size_t inside = 0;
    Time earliest = Time::max();
    for (const Thing& thing : things) {
      if (!thing.inside) continue;
      ++inside;
      earliest = std::min(earliest, thing.at);
    }
    REQUIRE(heap.Size() == inside);
    REQUIRE((heap.Earliest() == nullptr) == (inside == 0));
    if (inside > 0) REQUIRE(heap.Earliest()->at == earliest);
  }
}

TEST_CASE("entries removed one by one leave in the order of their deadlines") {
  std::list<Thing> things;
  DeadlineHeap heap;
  std::mt19937 random(12);
  for (int i = 0; i < 1000; ++i) {
    things.emplace_back().at = At(random() % 500);
    heap.Add(things.back());
  }
  Time last = At(0);
  while (DeadlineHeap::Entry* const earliest = heap.Earliest()) {
    CHECK(earliest->at >= last);
    last = earliest->at;
    heap.Remove(*earliest);
    heap.Remove(*earliest);  // a second removal does nothing
  }
  for (Thing& thing : things) heap.Add(thing);  // they may be added again
  CHECK(heap.Size() == 1000);
}

}  // namespace preforkd::testing
