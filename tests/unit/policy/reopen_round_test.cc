// Which workers still write to the old log files.
#include "master/policy/reopen_round.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
namespace {

constexpr WorkerId kFirst{Slot{0}, Incarnation{7}};
constexpr WorkerId kSecond{Slot{3}, Incarnation{8}};

}  // namespace

TEST_CASE("a round ends when every worker has answered or exited") {
  ReopenRound round;
  CHECK(round.Ended());
  const std::uint64_t number = round.Begin({kFirst, kSecond});
  CHECK(round.Untold() == std::vector<WorkerId>{kFirst, kSecond});
  round.Told(kFirst);
  CHECK(round.Untold() == std::vector<WorkerId>{kSecond});
  CHECK(round.Missing() == "slots 0, 3");
  round.Reopened(kFirst, number);
  CHECK_FALSE(round.Ended());
  CHECK(round.Missing() == "slot 3");
  round.Gone(kSecond);
  CHECK(round.Ended());
}

TEST_CASE("an answer to an earlier round, or of an earlier incarnation, is ignored") {
  ReopenRound round;
  const std::uint64_t first = round.Begin({kFirst});
  const std::uint64_t second = round.Begin({kFirst});
  CHECK(second != first);
  round.Reopened(kFirst, first);
  round.Reopened({kFirst.slot, Incarnation{6}}, second);
  round.Gone({kFirst.slot, Incarnation{6}});
  round.Told({Slot{9}, Incarnation{1}});
  CHECK_FALSE(round.Ended());
  round.Reopened(kFirst, second);
  CHECK(round.Ended());
}

TEST_CASE("with no worker there is nothing to wait for") {
  ReopenRound round;
  round.Begin({});
  CHECK(round.Ended());
}

}  // namespace preforkd::testing
