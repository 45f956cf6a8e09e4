// Range fields: one range and several, by tables and against a simpler reference.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "worker/http/syntax/byte_range.h"

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

using Kind = ByteRanges::Kind;

std::vector<ByteRange> Parts(const std::string& value, std::uint64_t size) {
  const ByteRanges ranges = ParseRanges(value, size);
  CHECK(ranges.kind == Kind::kParts);
  const auto parts = ranges.Parts();
  return {parts.begin(), parts.end()};
}

TEST_CASE("ranges that ask for a part") {
  struct Row {
    const char* value;
    std::uint64_t first, size;
  };
  for (const Row& row : {Row{"bytes=0-8", 0, 9}, Row{"bytes=990-", 990, 10}, Row{"bytes=-10", 990, 10},
                         Row{"bytes=-5000", 0, 1000}, Row{"bytes=999-999", 999, 1}, Row{"BYTES= 1-2 ", 1, 2},
                         Row{"bytes=, 1-2\t,,", 1, 2}, Row{"bytes=0-99999999999999999999999", 0, 1000},
                         // Several that are one.
                         Row{"bytes=1-2,3-4", 1, 4}, Row{"bytes=3-4,1-2", 1, 4}, Row{"bytes=1-2,1-2", 1, 2},
                         Row{"bytes=0-999,5-6", 0, 1000}, Row{"bytes=5-6,0-", 0, 1000},
                         Row{"bytes=0-0,129-129", 0, 130}, Row{"bytes=0-0,-1,500-600,129-499,601-", 0, 1000},
                         Row{"bytes=5-6,1000-", 5, 2}, Row{"bytes=-0,5-6", 5, 2}}) {
    CAPTURE(row.value);
    CHECK(Parts(row.value, 1000) == std::vector<ByteRange>{{row.first, row.size}});
  }
}

TEST_CASE("several ranges keep the order of the client") {
  CHECK(Parts("bytes=0-0,130-130", 1000) == std::vector<ByteRange>{{0, 1}, {130, 1}});
  CHECK(Parts("bytes=-1,0-0", 1000) == std::vector<ByteRange>{{999, 1}, {0, 1}});
  CHECK(Parts("bytes=500-509,0-9,505-520,900-", 1000) ==
        std::vector<ByteRange>{{500, 21}, {0, 10}, {900, 100}});
  CHECK(Parts("bytes=900-,100-109,0-9,2000-,-10", 1000) == std::vector<ByteRange>{{900, 100}, {0, 110}});
}

TEST_CASE("ranges that are ignored, and ranges behind the end") {
  for (const char* value :
       {"", "bytes", "bytes=", "bytes=-", "bytes=5-3", "bytes=a-b", "foo=0-1", "bytes=,", "bytes=1-2,x",
        "bytes=1-2,5-3", "bytes=1-2 3-4", "bytes =1-2", "bytes=1--2", "bytes=+1-2", "bytes=0x1-2"}) {
    CAPTURE(value);
    CHECK(ParseRanges(value, 1000).kind == Kind::kWhole);
  }
  for (const char* value : {"bytes=1000-", "bytes=99999999999999999999999-", "bytes=-0", "bytes=1000-,-0",
                            "bytes=1000-1000,2000-"}) {
    CAPTURE(value);
    CHECK(ParseRanges(value, 1000).kind == Kind::kUnsatisfiable);
  }
  for (const char* value : {"bytes=0-0", "bytes=0-", "bytes=-0", "bytes=0-,1-"}) {
    CHECK(ParseRanges(value, 0).kind == Kind::kUnsatisfiable);
  }
  for (const char* value : {"bytes=-1", "bytes=-99999999999999999999999", "bytes=0-0,-1"}) {
    CHECK(ParseRanges(value, 0).kind == Kind::kWhole);
  }
}

TEST_CASE("too many ranges are ignored, whatever they are") {
  const auto many = [](std::size_t count, std::uint64_t step) {
    std::string value = "bytes=";
    for (std::size_t i = 0; i < count; ++i) value += fmt::format("{}-{},", i * step, i * step);
    return value;
  };
  CHECK(ParseRanges(many(kMaxRanges, 1000), 1'000'000).count == kMaxRanges);
  CHECK(ParseRanges(many(kMaxRanges, 1), 1'000'000).count == 1);
  CHECK(ParseRanges(many(kMaxRanges + 1, 1000), 1'000'000).kind == Kind::kWhole);
  CHECK(ParseRanges(many(kMaxRanges + 1, 1000), 0).kind == Kind::kWhole);
  CHECK(ParseRanges(many(100'000, 0), 1'000'000).kind == Kind::kWhole);
}

// The obvious way: marks each byte that is asked for, closes the short gaps, and reads off the runs.
std::vector<ByteRange> Naive(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& asked,
                             std::uint64_t size) {
  std::vector<bool> wanted(size);
  for (const auto& [first, last] : asked) {
    for (std::uint64_t i = first; i <= last && i < size; ++i) wanted[i] = true;
  }
  std::vector<ByteRange> runs;
  for (std::uint64_t i = 0; i < size; ++i) {
    if (!wanted[i]) continue;
    const bool joins = !runs.empty() && i - (runs.back().first + runs.back().size) <= kMaxGap;
    if (!joins) runs.push_back({i, 0});
    runs.back().size = i + 1 - runs.back().first;
  }
  // In the order of the first range that lies in each.
  std::vector<ByteRange> ordered;
  for (const auto& [first, last] : asked) {
    for (const ByteRange& run : runs) {
      const bool within = first >= run.first && first < run.first + run.size;
      if (within && std::find(ordered.begin(), ordered.end(), run) == ordered.end()) ordered.push_back(run);
    }
  }
  return ordered;
}

TEST_CASE("random ranges are what the obvious way finds") {
  std::mt19937_64 random(20261127);
  const auto below = [&random](std::uint64_t end) {
    return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random);
  };
  for (int round = 0; round < 5'000; ++round) {
    const std::uint64_t size = below(4) == 0 ? below(4) : 1 + below(3000);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> asked;
    std::string value = "bytes=";
    for (std::uint64_t i = 1 + below(below(8) == 0 ? kMaxRanges : 4); i > 0; --i) {
      const std::uint64_t first = below(size + 100);
      const std::uint64_t last = first + below(below(3) == 0 ? 2000 : 20);
      switch (below(size > 0 ? 4 : 3)) {
        case 0:
          value += fmt::format("{}-,", first);
          asked.emplace_back(first, size + 5000);
          break;
        case 3: {
          const std::uint64_t suffix = 1 + below(size + 20);
          value += fmt::format("-{}, ", suffix);
          asked.emplace_back(size - std::min(suffix, size), size - 1);
          break;
        }
        default: value += fmt::format("{}-{} ,", first, last); asked.emplace_back(first, last);
      }
    }
    CAPTURE(value);
    CAPTURE(size);
    const std::vector<ByteRange> expected = Naive(asked, size);
    const ByteRanges ranges = ParseRanges(value, size);
    REQUIRE(ranges.kind == (expected.empty() ? Kind::kUnsatisfiable : Kind::kParts));
    const auto parts = ranges.Parts();
    REQUIRE(std::vector<ByteRange>(parts.begin(), parts.end()) == expected);
  }
}

}  // namespace
}  // namespace preforkd::testing
