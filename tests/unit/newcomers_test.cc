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

constexpr Time kStart{seconds(1000)};
constexpr Time kGains = kStart + milliseconds(250);

// What one newcomer has said: by whether the next one has a long stay, where one outcome decides that.
enum class Outcome { kNone, kSpared, kSilent };
template <typename Life>
Outcome OutcomeOf(Life life) {
  const auto next_stays = [&](int silent) {
    Newcomers all;
    for (int i = 0; i < silent; ++i) all.WasSilent();
    Newcomer one;
    life(one, all);
    return all.LongStay(kConfig).has_value();
  };
  // Half of what is known is forgotten at 64: as many were silent as not, and one more.
  if (!next_stays(32)) return Outcome::kSilent;
  return next_stays(33) ? Outcome::kSpared : Outcome::kNone;
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

TEST_CASE("the outcome of one: it speaks after parking.after, or is silent for all of a long stay") {
  const auto speaks_at = [](Time at) {
    return OutcomeOf([at](Newcomer& one, Newcomers& all) {
      one.MayStayLong();
      one.BeginsIdleTime(true, kGains);
      one.Speaks(at, all);
      one.GoesBack(all);
    });
  };
  CHECK(speaks_at(kGains + Duration(1)) == Outcome::kSpared);
  CHECK(speaks_at(kGains) == Outcome::kNone);
  CHECK(speaks_at(kStart) == Outcome::kNone);
  CHECK(OutcomeOf([](Newcomer& one, Newcomers& all) {
          one.MayStayLong();
          one.BeginsIdleTime(true, kGains);
          one.GoesBack(all);
          one.GoesBack(all);
        }) == Outcome::kSilent);
}

TEST_CASE("no outcome: its stay was not a long one, it was not idle, or it is no newcomer") {
  CHECK(OutcomeOf([](Newcomer& one, Newcomers& all) {
          one.MayStayLong();
          one.BeginsIdleTime(true, kGains);
          one.Speaks(kStart, all);
          one.BeginsIdleTime(false, kGains);
          CHECK_FALSE(one.IsWatched());
          one.GoesBack(all);
        }) == Outcome::kNone);
  CHECK(OutcomeOf([](Newcomer& one, Newcomers& all) {
          one.MayStayLong();
          one.BeginsIdleTime(true, kGains);
          one.EndsIdleTime();
          CHECK_FALSE(one.IsWatched());
          one.GoesBack(all);
        }) == Outcome::kNone);
  CHECK(OutcomeOf([](Newcomer& one, Newcomers& all) {
          one.BeginsIdleTime(true, kGains);
          CHECK_FALSE(one.IsWatched());
          one.GoesBack(all);
        }) == Outcome::kNone);
}

TEST_CASE("one that spoke too soon to say anything is waited for; one outcome is enough") {
  CHECK(OutcomeOf([](Newcomer& one, Newcomers& all) {
          one.MayStayLong();
          for (int i = 0; i < 3; ++i) {
            one.BeginsIdleTime(true, kGains);
            one.Speaks(kStart, all);
          }
          one.BeginsIdleTime(true, kGains);
          one.Speaks(kGains + milliseconds(1), all);
          one.BeginsIdleTime(true, kGains);
          one.GoesBack(all);
        }) == Outcome::kSpared);
}

}  // namespace preforkd::testing
