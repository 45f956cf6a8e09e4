#include "worker/connection/parking/stays.h"

#include <doctest/doctest.h>

namespace preforkd::testing {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

Stays WithPlaces(std::uint64_t places) {
  Stays stays;
  stays.Beat({}, places);
  return stays;
}

}  // namespace

TEST_CASE("a worker in which nobody stays for longer: its places are short, or it has application threads") {
  struct Row {
    std::uint64_t places;
    StayReading worker;
    bool may_stay;
  };
  const Row rows[] = {
      {100, {0, 0, 0, 0}, true},   {100, {75, 0, 0, 0}, true},
      {100, {76, 0, 0, 0}, false}, {1, {1, 0, 0, 0}, true},  // its only client
      {100, {1, 1, 0, 0}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.worker.connections);
    CHECK(WithPlaces(row.places).MayStay(row.worker) == row.may_stay);
  }
}

TEST_CASE("slow callbacks: above 1 ms on average, and more than a little") {
  const Stays stays = WithPlaces(100);
  CHECK(stays.MayStay({1, 0, 10, 20 * kMs}));
  CHECK_FALSE(stays.MayStay({1, 0, 10, 20 * kMs + 1}));
  CHECK(stays.MayStay({1, 0, 10'000, 10'010 * kMs}));
  CHECK_FALSE(stays.MayStay({1, 0, 10'000, 10'010 * kMs + 1}));
  CHECK(stays.MayStay({1, 0, 1, 11 * kMs}));  // the first one, slow in every process
  CHECK_FALSE(stays.MayStay({1, 0, 1, 50 * kMs}));
}

TEST_CASE("slow callbacks are those of the last two seconds, not of the life of the worker") {
  Stays stays = WithPlaces(100);
  const StayReading fast{1, 0, 1'000'000, 20'000 * kMs};
  stays.Beat(fast, 100);
  stays.Beat(fast, 100);
  CHECK(stays.MayStay(fast));
  const StayReading slow{1, 0, 1'000'010, 20'500 * kMs};  // ten of 50 ms
  CHECK_FALSE(stays.MayStay(slow));
  stays.Beat(slow, 100);
  CHECK_FALSE(stays.MayStay(slow));
  stays.Beat(slow, 100);
  CHECK(stays.MayStay(slow));
}

}  // namespace preforkd::testing
