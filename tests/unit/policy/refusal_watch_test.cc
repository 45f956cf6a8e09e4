// When refused system calls are logged, and how many.
#include <doctest/doctest.h>

#include <vector>

#include "master/policy/refusal_watch.h"

namespace preforkd::testing {
namespace {

using Calls = std::vector<RefusedCall>;
using std::chrono::milliseconds;

constexpr WorkerId kWorker{Slot{1}, Incarnation{7}};
constexpr WorkerId kOther{Slot{2}, Incarnation{8}};
constexpr Time kStart{std::chrono::seconds(100)};

}  // namespace

TEST_CASE("the first is logged at once, more after a while, each once") {
  RefusalWatch watch;
  CHECK(watch.Update(kWorker, {}, kStart).empty());
  CHECK(watch.Update(kWorker, {{41, 1}}, kStart) == Calls{{41, 1}});
  CHECK(watch.Update(kWorker, {{41, 5}}, kStart + milliseconds(1)).empty());
  CHECK(watch.Update(kWorker, {{41, 9}, {56, 2}}, kStart + RefusalWatch::kQuiet) == Calls{{41, 8}, {56, 2}});
  CHECK(watch.Update(kWorker, {{41, 9}, {56, 2}}, kStart + 3 * RefusalWatch::kQuiet).empty());
}

TEST_CASE("workers have nothing to do with each other") {
  RefusalWatch watch;
  CHECK(watch.Update(kWorker, {{41, 1}}, kStart) == Calls{{41, 1}});
  CHECK(watch.Update(kOther, {{41, 3}}, kStart) == Calls{{41, 3}});
}

TEST_CASE("at the end the unlogged ones are logged") {
  RefusalWatch watch;
  CHECK(watch.Update(kWorker, {{41, 1}}, kStart) == Calls{{41, 1}});
  CHECK(watch.Finish(kWorker, {{41, 4}, {std::nullopt, 2}}) == Calls{{41, 3}, {std::nullopt, 2}});
  CHECK(watch.Finish(kOther, {{41, 1}}) == Calls{{41, 1}});
  CHECK(watch.Finish(kOther, {}).empty());
}

// Values of a misbehaving worker.
TEST_CASE("numbers that go back, and new ones at each check, make no more lines") {
  RefusalWatch watch;
  CHECK(watch.Update(kWorker, {{1, 100}}, kStart).size() == 1);
  CHECK(watch.Update(kWorker, {{1, 50}}, kStart + RefusalWatch::kQuiet).empty());
  int lines = 0;
  for (int i = 0; i < 1000; ++i) {
    lines +=
        watch.Update(kWorker, {{i, ~std::uint64_t{0}}}, kStart + RefusalWatch::kQuiet * 2 + milliseconds(i))
                .empty()
            ? 0
            : 1;
  }
  CHECK(lines == 1);
}

}  // namespace preforkd::testing
