#include "worker/http/answer/pace.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace preforkd::testing {
using namespace http;  // NOLINT: the syntax under test
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr PaceRules kRules{seconds(10), 500, seconds(100)};
const Time kStart = Time(hours(1));

// `bytes` arrive this long after the start.
struct Piece {
  Duration at;
  std::uint64_t bytes;
};

Duration DeadlineAfter(const PaceRules& rules, const std::vector<Piece>& pieces) {
  Pace pace(rules, kStart);
  for (const Piece& piece : pieces) pace.Progress(rules, piece.bytes, kStart + piece.at);
  return pace.Deadline(rules) - kStart;
}

}  // namespace

TEST_CASE("the deadline: an allowance, which bytes refill and never overfill, within a total") {
  struct Row {
    const char* name;
    PaceRules rules;
    std::vector<Piece> pieces;
    Duration deadline;
  };
  const std::vector<Row> rows = {
      {"nothing comes", kRules, {}, seconds(10)},
      {"a byte earns a 500th of a second", kRules, {{seconds(5), 1}}, seconds(10) + milliseconds(2)},
      {"a byte a second earns next to nothing",
       kRules,
       {{seconds(1), 1}, {seconds(2), 1}, {seconds(3), 1}, {seconds(4), 1}},
       seconds(10) + milliseconds(8)},
      {"no bytes are no progress", {seconds(10), 0, seconds(100)}, {{seconds(5), 0}}, seconds(10)},
      {"a burst fills the allowance and no more", kRules, {{seconds(5), 1'000'000}}, seconds(15)},
      {"at once, nothing has been used up", kRules, {{seconds(0), 1'000'000}}, seconds(10)},
      {"at the rate it never runs out",
       kRules,
       {{seconds(1), 500}, {seconds(2), 500}, {seconds(3), 500}},
       seconds(13)},
      {"half the rate buys half the time", kRules, {{seconds(4), 1000}, {seconds(8), 1000}}, seconds(14)},
      {"the total, however much comes",
       kRules,
       {{seconds(5), 1'000'000}, {seconds(99), 1'000'000}},
       seconds(100)},
      {"no total",
       {seconds(10), 500, seconds(0)},
       {{seconds(9), 100'000}, {hours(30), 100'000}},
       hours(30) + seconds(10)},
      {"what was read late, because we were late", kRules, {{seconds(40), 500}}, seconds(41)},
      {"no rate: any byte brings all of it back",
       {seconds(10), 0, seconds(0)},
       {{seconds(9), 1}},
       seconds(19)},
      {"no rate, and a total", {seconds(10), 0, seconds(12)}, {{seconds(9), 1}}, seconds(12)},
      {"more bytes than a number of nanoseconds", kRules, {{seconds(5), UINT64_MAX}}, seconds(15)},
      {"the highest rate", {seconds(10), UINT64_MAX, seconds(0)}, {{seconds(5), 1'000'000}}, seconds(10)},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    CHECK(DeadlineAfter(row.rules, row.pieces) == row.deadline);
  }
}

TEST_CASE(
    "however bytes come, a client below the rate has its allowance, and what its bytes earn on top at most") {
  std::mt19937 random(7);
  for (int walk = 0; walk < 2000; ++walk) {
    Pace pace(kRules, kStart);
    Time now = kStart;
    std::uint64_t sent = 0;
    for (int step = 0; step < 50; ++step) {
      now += milliseconds(random() % 3000);
      if (now >= pace.Deadline(kRules)) break;
      const Time before = pace.Deadline(kRules);
      const std::uint64_t bytes = random() % (random() % 2 == 0 ? 3U : 3000U);
      pace.Progress(kRules, bytes, now);
      sent += bytes;
      const Time deadline = pace.Deadline(kRules);
      REQUIRE(deadline >= before);
      REQUIRE(deadline <= now + kRules.allowance);
      REQUIRE(deadline <= kStart + kRules.total);
      REQUIRE(deadline <= kStart + kRules.allowance + milliseconds(2 * sent));
    }
  }
}

TEST_CASE("bytes earn the same in one piece or one by one, while the allowance is not full") {
  Pace whole(kRules, kStart);
  Pace single(kRules, kStart);
  whole.Progress(kRules, 2000, kStart + seconds(6));
  for (int i = 0; i < 2000; ++i) single.Progress(kRules, 1, kStart + seconds(6));
  CHECK(whole.Deadline(kRules) == single.Deadline(kRules));
}

TEST_CASE("lag is the time that sixteen times the rate does not excuse") {
  struct Row {
    const char* name;
    PaceRules rules;
    std::vector<Piece> pieces;
    Duration now;
    Duration lag;
  };
  const std::vector<Row> rows = {
      {"nothing came", kRules, {}, seconds(3), seconds(3)},
      {"before the start", kRules, {}, seconds(-1), seconds(0)},
      {"a byte", kRules, {{seconds(1), 1}}, seconds(3), seconds(3) - std::chrono::microseconds(125)},
      {"at the minimum rate", kRules, {{seconds(1), 500}, {seconds(2), 500}}, seconds(2), milliseconds(1875)},
      {"fast", kRules, {{seconds(1), 8000}, {seconds(2), 8000}}, seconds(2), seconds(0)},
      {"a burst is no credit for later", kRules, {{seconds(1), 1'000'000}}, seconds(2), seconds(1)},
      {"no rate: since the last byte",
       {seconds(10), 0, seconds(0)},
       {{seconds(1), 1}},
       seconds(3),
       seconds(2)},
      {"no rate, and nothing came", {seconds(10), 0, seconds(0)}, {}, seconds(3), seconds(3)},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    Pace pace(row.rules, kStart);
    for (const Piece& piece : row.pieces) pace.Progress(row.rules, piece.bytes, kStart + piece.at);
    CHECK(pace.Lag(kStart + row.now) == row.lag);
  }
}

}  // namespace preforkd::testing
