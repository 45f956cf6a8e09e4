#include "worker/connection/parking/newcomers.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const ParkingConfig kConfig{};  // 250 ms, at most 1 s

// Clients that ask, and are then silent for longer than any stay with that chance in percent, or ask again
// soon. Returns how many of them had a long stay.
int Come(Newcomers& newcomers, int count, std::uint_fast32_t silent_percent, std::mt19937& random) {
  int stayed = 0;
  for (int i = 0; i < count; ++i) {
    const bool silent = random() % 100 < silent_percent;
    if (!newcomers.LongStay(kConfig)) continue;
    ++stayed;
    silent ? newcomers.WasSilent() : newcomers.Spared();
  }
  return stayed;
}

}  // namespace

TEST_CASE("a long stay: four times parking.after, and not longer than parking.max_after") {
  Newcomers newcomers;
  CHECK(newcomers.LongStay(kConfig) == seconds(1));
  ParkingConfig config;
  config.max_after = seconds(20);
  CHECK(newcomers.LongStay(config) == seconds(1));
  config.max_after = milliseconds(400);
  CHECK(newcomers.LongStay(config) == milliseconds(400));
  config.max_after = config.after;
  CHECK_FALSE(newcomers.LongStay(config));
  config.max_after = Duration(0);
  CHECK_FALSE(newcomers.LongStay(config));
  config.after = Duration(0);  // never parked while idle
  config.max_after = seconds(1);
  CHECK_FALSE(newcomers.LongStay(config));
}

TEST_CASE("while newcomers speak again, each has a long stay; some dozens that do not end that") {
  std::mt19937 random(1);
  Newcomers newcomers;
  CHECK(Come(newcomers, 1000, 0, random) == 1000);
  const int stayed = Come(newcomers, 1600, 100, random);
  CHECK(stayed >= 20);
  CHECK(stayed <= 150);  // one in sixteen of the rest among them
  CHECK(Come(newcomers, 1600, 100, random) == 100);
}

TEST_CASE("a worker that has just started ends its trust after some dozens, too") {
  std::mt19937 random(1);
  Newcomers newcomers;
  CHECK(Come(newcomers, 30, 100, random) == 30);
  CHECK(Come(newcomers, 1600, 100, random) <= 120);
}

TEST_CASE("many at once, of which nothing is known yet, change nothing") {
  Newcomers newcomers;
  int stayed = 0;
  for (int i = 0; i < 5000; ++i) stayed += newcomers.LongStay(kConfig) ? 1 : 0;
  CHECK(stayed == 5000);
  for (int i = 0; i < stayed; ++i) newcomers.WasSilent();
  stayed = 0;
  for (int i = 0; i < 16'000; ++i) stayed += newcomers.LongStay(kConfig) ? 1 : 0;
  CHECK(stayed == 1000);
}

TEST_CASE("when clients speak again, long stays come back") {
  std::mt19937 random(1);
  Newcomers newcomers;
  Come(newcomers, 5000, 100, random);
  Come(newcomers, 1000, 0, random);
  CHECK(Come(newcomers, 100, 0, random) == 100);
}

TEST_CASE("a walk: long stays follow what most newcomers do") {
  std::mt19937 random(7);
  Newcomers newcomers;
  for (int step = 0; step < 2000; ++step) {
    const std::uint_fast32_t silent_percent = random() % 101;
    Come(newcomers, 2000, silent_percent, random);
    CAPTURE(silent_percent);
    const int stayed = Come(newcomers, 1600, silent_percent, random);
    CHECK(stayed >= 100);
    if (silent_percent <= 20) CHECK(stayed == 1600);
    if (silent_percent >= 80) CHECK(stayed <= 200);
  }
}

}  // namespace preforkd::testing
