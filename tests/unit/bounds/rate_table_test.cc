// RateTable: what a client may do in a second, against a model with exact time and no lack of room.
#include "common/bounds/rate_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace preforkd {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart{std::chrono::hours(1)};

// A bucket of `at_once` uses that refills by `per_second`.
class Bucket {
 public:
  bool Take(double per_second, double at_once, Time now) {
    if (!used_) left_ = at_once;
    used_ = true;
    left_ = std::min(at_once, left_ + per_second * Seconds(now - at_));
    at_ = now;
    if (left_ < 1) return false;
    --left_;
    return true;
  }
  [[nodiscard]] double Left() const { return left_; }
  // One that was near to a whole use has taken it, or not.
  void Follow(bool taken) { left_ = taken ? 0 : 1; }

 private:
  bool used_ = false;
  double left_ = 0;
  Time at_{};
};

std::uint64_t Hash(std::uint64_t client) {
  std::mt19937_64 random(client);
  return random();
}

TEST_CASE("a client gets its burst, then its rate, and is told how long to wait") {
  const auto table = std::make_unique<RateTable>();
  for (int i = 0; i < 20; ++i) CHECK_FALSE(table->Take(Hash(1), 10, 20, kStart).has_value());
  const auto wait = table->Take(Hash(1), 10, 20, kStart);
  REQUIRE(wait.has_value());
  CHECK(*wait > milliseconds(99));
  CHECK(*wait <= milliseconds(101));
  CHECK_FALSE(table->Take(Hash(2), 10, 20, kStart).has_value());  // another client
  CHECK_FALSE(table->Take(Hash(1), 10, 20, kStart + *wait).has_value());
  CHECK(table->Take(Hash(1), 10, 20, kStart + *wait).has_value());
}

TEST_CASE("one use at once and one a second: what is refused is not counted") {
  const auto table = std::make_unique<RateTable>();
  int taken = 0;
  for (Time now = kStart; now < kStart + seconds(10); now += milliseconds(1))
    taken += table->Take(Hash(1), 1, 1, now) ? 0 : 1;
  CHECK(taken == 10);
}

TEST_CASE("random walk: each client is treated as by a bucket of its own") {
  const auto table = std::make_unique<RateTable>();
  std::map<std::uint64_t, Bucket> buckets;
  std::mt19937_64 random(19);
  Time now = kStart;
  int refused = 0;
  for (int i = 0; i < 100000; ++i) {
    now += microseconds(random() % 2000);
    const std::uint64_t client = random() % 50;
    // Its own rate for each client: 1 to 50 a second, some far more than it uses.
    const auto rate = static_cast<std::uint32_t>(client + 1);
    const bool may = !table->Take(Hash(client), rate, 2 * rate, now);
    const bool model = buckets[client].Take(rate, 2 * rate, now);
    refused += may ? 0 : 1;
    if (may == model) continue;
    // Only by the rounding of time, which is far below a hundredth of a use.
    CHECK(std::abs(buckets[client].Left() - (model ? 0 : 1)) < 0.01);
    buckets[client].Follow(may);
  }
  CHECK(refused > 1000);
}

// Each newcomer reaches ahead by one use only; the attacker by all that it may.
TEST_CASE("a client at its bound cannot have itself forgotten by filling the table") {
  const auto table = std::make_unique<RateTable>();
  for (int i = 0; i < 20; ++i) REQUIRE_FALSE(table->Take(Hash(1), 10, 20, kStart).has_value());
  std::mt19937_64 random(7);
  int let_through = 0;
  for (std::size_t i = 0; i < 20 * RateTable::kCells; ++i) {
    (void)table->Take(random(), 10, 20, kStart + milliseconds(1));
    if (i % 1000 == 0) let_through += table->Take(Hash(1), 10, 20, kStart + milliseconds(1)) ? 0 : 1;
  }
  CHECK(let_through == 0);
}

TEST_CASE("a full table never refuses a client that has used nothing") {
  const auto table = std::make_unique<RateTable>();
  std::mt19937_64 random(7);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < 10 * RateTable::kCells; ++i)
    if (table->Take(random(), 1, 2, kStart)) ++refused;
  // A hash of 22 bits is shared by chance: 8 of 2^22 for each.
  CHECK(refused <= 10 * RateTable::kCells * 8 / (std::size_t{1} << 22) + 5);
}

TEST_CASE("time that has passed while nobody used the table is free, also where its clock wraps") {
  const auto table = std::make_unique<RateTable>();
  Time now = kStart;
  for (int hours = 1; hours < 400; hours += 3) {
    CHECK_FALSE(table->Take(Hash(1), 1, 2, now).has_value());
    CHECK_FALSE(table->Take(Hash(1), 1, 2, now).has_value());
    CHECK(table->Take(Hash(1), 1, 2, now).has_value());
    now += std::chrono::hours(3) + std::chrono::minutes(7);
  }
}

TEST_CASE("a use that reaches further ahead than any can is not believed, not even when that time comes") {
  for (const Duration later :
       {Duration(seconds(6)), Duration(std::chrono::hours(1)), Duration(std::chrono::hours(4))}) {
    const auto table = std::make_unique<RateTable>();
    const std::uint64_t neighbour = Hash(1) ^ std::uint64_t{1} << 60;  // its cell is the first of the set
    for (const std::uint64_t client : {neighbour, Hash(1)})
      for (int i = 0; i < 2; ++i) REQUIRE_FALSE(table->Take(client, 1, 2, kStart + later).has_value());
    CHECK_FALSE(table->Take(Hash(1), 1, 2, kStart).has_value());
    CHECK_FALSE(table->Take(Hash(1), 1, 2, kStart).has_value());
    CHECK(table->Take(Hash(1), 1, 2, kStart).has_value());
    CHECK_FALSE(table->Take(Hash(1), 1, 2, kStart + later).has_value());
  }
}

TEST_CASE("processes together get no more than one alone") {
  const auto table = std::make_unique<RateTable>();
  constexpr std::uint32_t kRate = 10000;
  std::vector<int> taken(4);
  std::vector<std::thread> threads;
  for (int& count : taken) {
    threads.emplace_back([&table, &count] {
      for (int i = 0; i < 20000; ++i) count += table->Take(Hash(1), kRate, 2 * kRate, kStart) ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(taken[0] + taken[1] + taken[2] + taken[3] == 2 * kRate);
}

TEST_CASE("the highest and the lowest rate") {
  const auto table = std::make_unique<RateTable>();
  constexpr std::uint32_t kMost = RateTable::kMaxPerSecond;
  CHECK(kMost >= 1'000'000);
  // Two uses of the lowest rate reach as far as all that may come at once at the highest.
  CHECK_FALSE(table->Take(Hash(1), 1, 2, kStart).has_value());
  CHECK_FALSE(table->Take(Hash(1), kMost, 2 * kMost, kStart).has_value());
  CHECK(table->Take(Hash(1), 1, 2, kStart).has_value());
  CHECK_FALSE(table->Take(Hash(2), 1, 2, kStart).has_value());
  CHECK_FALSE(table->Take(Hash(2), 1, 2, kStart).has_value());
  const auto wait = table->Take(Hash(2), kMost, 2 * kMost, kStart);
  REQUIRE(wait.has_value());
  CHECK(*wait == microseconds(1));
  CHECK_FALSE(table->Take(Hash(2), kMost, 2 * kMost, kStart + microseconds(1)).has_value());
  CHECK_FALSE(table->Take(Hash(3), 1, 1, kStart).has_value());
  CHECK(table->Take(Hash(3), 1, 1, kStart + milliseconds(990)).has_value());
  CHECK_FALSE(table->Take(Hash(3), 1, 1, kStart + milliseconds(1001)).has_value());
}

// 1/rate is rounded: to 256 ns it would be wrong by 2.4 % at the highest rate.
TEST_CASE("rates near the highest are those that were asked for") {
  constexpr std::uint32_t kUses = 10'000;
  for (const std::uint32_t rate : {99'999U, 300'000U, 700'001U, 999'999U, RateTable::kMaxPerSecond}) {
    CAPTURE(rate);
    const auto table = std::make_unique<RateTable>();
    std::uint32_t taken = 0;
    while (!table->Take(Hash(1), rate, kUses, kStart)) ++taken;
    CHECK(taken == kUses);
    const auto passed = std::chrono::nanoseconds(1'000'000'000ULL * kUses / rate / 2);
    for (taken = 0; !table->Take(Hash(1), rate, kUses, kStart + passed);) ++taken;
    CHECK(std::abs(taken - kUses / 2.0) < 0.005 * kUses / 2);
  }
}

}  // namespace
}  // namespace preforkd
