#include "worker/connection/parking/parking_rhythm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

namespace preforkd::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const ParkingConfig kConfig{};  // 250 ms, at most 1 s

// A client and the worker that it meets, as Connection and Worker use the rules.
class Client {
 public:
  explicit Client(const ParkingConfig& config) : config_(config) {}

  // It is answered, and silent for that long before it speaks again. True if it travelled.
  bool IsSilent(Duration silence) {
    const Duration stay = StayOf(config_, learned_, true);
    if (silence < stay) return false;
    learned_ = LearnStay(config_, learned_, silence);
    return true;
  }
  [[nodiscard]] Duration Stay() const { return StayOf(config_, learned_, true); }

 private:
  ParkingConfig config_;
  Duration learned_{0};
};

}  // namespace

TEST_CASE("one that asks every 400 ms travels once, and then stays for 800 ms") {
  Client client(kConfig);
  CHECK(client.Stay() == milliseconds(250));
  CHECK(client.IsSilent(milliseconds(400)));
  CHECK(client.Stay() == milliseconds(800));
  for (int i = 0; i < 10; ++i) CHECK_FALSE(client.IsSilent(milliseconds(i % 2 == 0 ? 50 : 750)));
}

TEST_CASE("one that asks every two seconds goes back as early as ever, each time") {
  Client client(kConfig);
  for (int i = 0; i < 10; ++i) {
    CHECK(client.IsSilent(seconds(2)));
    CHECK(client.Stay() == milliseconds(250));
  }
}

TEST_CASE("one that has been silent for long has forgotten its rhythm") {
  Client client(kConfig);
  client.IsSilent(milliseconds(900));
  CHECK(client.Stay() == seconds(1));
  client.IsSilent(milliseconds(1001));
  CHECK(client.Stay() == milliseconds(250));
}

TEST_CASE("what was learned") {
  struct Row {
    Duration learned;
    Duration silence;
    Duration next;
  };
  const Row rows[] = {
      {milliseconds(0), milliseconds(0), milliseconds(0)},
      {milliseconds(0), milliseconds(249), milliseconds(0)},
      {milliseconds(0), milliseconds(280), milliseconds(560)},
      {milliseconds(500), milliseconds(100), milliseconds(500)},  // it left early: to make room
      {milliseconds(0), milliseconds(300), milliseconds(600)},
      {milliseconds(700), milliseconds(300), milliseconds(600)},
      {milliseconds(0), milliseconds(800), seconds(1)},
      {milliseconds(0), seconds(1), seconds(1)},
      {milliseconds(700), hours(1), kShortestStay},
  };
  for (const Row& row : rows) {
    CAPTURE(row.silence.count());
    CHECK(LearnStay(kConfig, row.learned, row.silence) == row.next);
  }
}

TEST_CASE("a configuration that wants no learning, and one with bounds the other way round") {
  ParkingConfig off = kConfig;
  off.max_after = Duration(0);
  CHECK(StayOf(off, milliseconds(700), true) == milliseconds(250));
  CHECK(LearnStay(off, Duration(0), milliseconds(300)) == kShortestStay);
  CHECK(StayOf(off, kShortestStay, true) == milliseconds(250));
  ParkingConfig late = kConfig;  // parking.after counts also if it is the longer one
  late.after = seconds(2);
  CHECK(StayOf(late, Duration(0), true) == seconds(2));
  CHECK(StayOf(late, milliseconds(700), true) == seconds(2));
  late.after = Duration(0);
  CHECK(StayOf(late, milliseconds(700), true) == Duration(0));
}

TEST_CASE("a worker in which nobody stays for longer") {
  CHECK(StayOf(kConfig, milliseconds(700), true) == milliseconds(700));
  CHECK(StayOf(kConfig, milliseconds(700), false) == milliseconds(250));
}

TEST_CASE("whatever clients do: no stay outside of the bounds, no two journeys in vain for one rhythm") {
  std::mt19937 random(7);
  for (int i = 0; i < 100'000; ++i) {
    ParkingConfig config;
    config.after = milliseconds(1 + random() % 400);
    config.max_after = milliseconds(random() % 2000);
    const Duration longest = std::max(config.after, config.max_after);
    Client client(config);
    bool knows = false;
    Duration rhythm{0};
    for (int step = 0; step < 20; ++step) {
      if (step % 5 == 0) {
        rhythm = milliseconds(random() % 4000);
        knows = false;
      }
      const bool travelled = client.IsSilent(rhythm);
      CHECK(client.Stay() >= config.after);
      CHECK(client.Stay() <= longest);
      // Who speaks within the bound travels once at most; who does not has no longer stay than before.
      if (knows && rhythm < config.max_after) CHECK_FALSE(travelled);
      if (rhythm > longest) {
        CHECK(travelled);
        CHECK(client.Stay() == config.after);
      }
      knows = true;
    }
  }
}

}  // namespace preforkd::testing
