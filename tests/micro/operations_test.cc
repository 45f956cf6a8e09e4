// Tests that the measured steps really happen: each round checks itself, and aborts the process if it fails.
#include "tests/micro/operations.h"

#include <doctest/doctest.h>

#include <cstddef>

#include "tests/support/costs.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/heap_count.h"

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

#ifndef PREFORKD_SANITIZED  // with the sanitizers no memory is recycled
TEST_CASE("a connection that is parked and woken takes little from the heap, and so does every other step") {
  ParkAndWake park;
  HandOverAndTake hand_over(8);
  for (int i = 0; i < 20; ++i) {
    park.Round();
    hand_over.Round();
  }
  for (int i = 0; i < 100; ++i) {
    std::size_t before = Heap().allocations;
    park.Round();
    CHECK(Heap().allocations - before <= kAllocationsOfParking);
    before = Heap().allocations;
    hand_over.Round();
    CHECK(Heap().allocations - before <= kAllocationsOfShortConnection);
  }
}
#endif

}  // namespace preforkd::testing
