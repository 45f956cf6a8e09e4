// Tests that the measured steps really happen: each round checks itself, and aborts the process if it fails.
#include "tests/micro/operations.h"

#include <doctest/doctest.h>

#include "tests/support/fd_snapshot.h"

namespace preforkd::testing {
namespace {

template <typename Operation, typename... Args>
void Rounds(Args... args) {
  const FdSnapshot before = FdSnapshot::OfSelf();
  {
    Operation operation(args...);
    operation.Round();
    const FdSnapshot first = FdSnapshot::OfSelf();
    for (int i = 0; i < 100; ++i) operation.Round();
    CHECK(FdSnapshot::OfSelf() == first);
  }
  CHECK(FdSnapshot::OfSelf() == before);
}

}  // namespace

TEST_CASE("rounds can be repeated, and leave no descriptor behind") {
  for (const std::size_t in_flight : {1U, 8U, 64U}) Rounds<HandOverAndTake>(in_flight);
  for (const std::uint32_t slots : {1U, 2U, 64U}) Rounds<Dispatch>(slots);
  Rounds<ParkAndWake>();
  Rounds<ParseHead>();
  for (const DispatchPolicy policy :
       {DispatchPolicy::kLeastConnections, DispatchPolicy::kRoundRobin, DispatchPolicy::kClientHash}) {
    Rounds<Choice>(policy, 16U);
    Rounds<Choice>(policy, 16U, Gathering{.slots = 2, .depth = 11});
  }
}

}  // namespace preforkd::testing
