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
    return heap.Check(held, peak, HeapTrim::kSmallBytes - 1, now += std::chrono::hours(1));
  };
  CHECK_FALSE(look(0, HeapTrim::kMany - 1));
  CHECK_FALSE(look(2000, 2000));
  CHECK_FALSE(look(1001, 1001));
  CHECK(look(1000, 1500));
  CHECK_FALSE(look(900, 1000));
  CHECK(look(10, 900));
  CHECK_FALSE(look(0, 10));
  CHECK(look(0, HeapTrim::kMany));                      // came and went between two calls
  CHECK_FALSE(heap.Check(0, HeapTrim::kMany, 0, now));  // not again at once
  CHECK(look(0, 0));                                    // but later
}

TEST_CASE("a big process is trimmed for more connections than a small one, whatever the last trim took") {
  const auto trims = [](std::size_t peak, std::uint64_t rss_bytes) {
    return HeapTrim().Check(0, peak, rss_bytes, Now());
  };
  CHECK_FALSE(trims(HeapTrim::kMany - 1, 0));
  CHECK(trims(HeapTrim::kMany, 0));
  CHECK(trims(HeapTrim::kMany, HeapTrim::kSmallBytes - 1));
  CHECK_FALSE(trims(HeapTrim::kManyIfBig - 1, HeapTrim::kSmallBytes));
  CHECK(trims(HeapTrim::kManyIfBig, HeapTrim::kSmallBytes));
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
  REQUIRE(heap.Check(1, kBlocks, before, Now()));
  CHECK(ReadSelfStat().rss_bytes + kBlocks * kBytes * 3 / 4 < before);
  CHECK(blocks.back()[0] == 1);
}
#endif

}  // namespace preforkd::testing
