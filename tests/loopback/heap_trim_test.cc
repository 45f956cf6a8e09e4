#include "common/process/heap_trim.h"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "common/process/self_stat.h"

namespace preforkd::testing {

TEST_CASE(
    "it trims when there were many and no more than half are left, and then not before there were many "
    "again") {
  HeapTrim heap;
  Time now = Now();
  const auto look = [&](std::size_t held, std::size_t peak) {
    return heap.Check(held, peak, now += std::chrono::hours(1));
  };
  CHECK_FALSE(look(0, HeapTrim::kMany - 1));
  CHECK_FALSE(look(2000, 2000));
  CHECK_FALSE(look(1001, 1001));
  CHECK(look(1000, 1500));
  CHECK_FALSE(look(900, 1000));
  CHECK(look(10, 900));
  CHECK_FALSE(look(0, 10));
  // From here on it is unknown what kMany stands for: on a busy machine a walk may have taken long.
  CHECK(look(0, HeapTrim::kManyForLong));                   // came and went between two calls
  CHECK_FALSE(heap.Check(0, HeapTrim::kManyForLong, now));  // not again at once
  CHECK(look(0, 0));                                        // but later
  CHECK(HeapTrim().Check(0, HeapTrim::kMany, now));
}

#ifndef PREFORKD_SANITIZED
TEST_CASE("memory below a block in use is returned") {
  constexpr std::size_t kBlocks = 20'000;
  constexpr std::size_t kBytes = 1000;
  std::vector<std::unique_ptr<char[]>> blocks(kBlocks);
  for (auto& block : blocks) {
    block = std::make_unique<char[]>(kBytes);
    std::memset(block.get(), 1, kBytes);
  }
  for (std::size_t i = 0; i + 1 < kBlocks; ++i) blocks[i].reset();
  const std::uint64_t before = ReadSelfStat().rss_bytes;
  HeapTrim heap;
  REQUIRE(heap.Check(1, kBlocks, Now()));
  CHECK(ReadSelfStat().rss_bytes + kBlocks * kBytes * 3 / 4 < before);
  CHECK(blocks.back()[0] == 1);
}
#endif

}  // namespace preforkd::testing
