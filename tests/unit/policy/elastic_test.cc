#include "master/policy/elastic.h"

#include <doctest/doctest.h>

#include <random>

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart = Time{} + std::chrono::hours(1);

// Four workers, all blocked, something waits, up to sixteen.
ElasticReading AllBlocked() {
  ElasticReading reading;
  reading.ready = 4;
  reading.blocked = 4;
  reading.desired = 4;
  reading.max = 16;
  reading.waiting = 1;
  return reading;
}

// A fleet that randomly blocks, crashes, starts and is merely busy. Checks each decision against what it
// knows.
class Walk {
 public:
  explicit Walk(std::uint32_t seed) : random_(seed) { reading_ = AllBlocked(), reading_.blocked = 0; }

  void Step() {
    now_ += milliseconds(Pick(40));
    Happen(Pick(8));
    const bool wants = elastic_.WantsOneMore(reading_, now_);
    if (wants) {
      CHECK(reading_.waiting > 0);                // a connection needs it
      CHECK(reading_.blocked == reading_.ready);  // no other worker can serve
      CHECK(reading_.ready >= reading_.desired);  // it does not compensate for a crash
      CHECK(reading_.starting == 0);              // no other worker is starting
      CHECK(now_ >= failed_ + Elastic::kRestAfterFailure);
      ++reading_.starting;
      ++reading_.extras;
      ++started_;
    }
    CHECK(reading_.ready + reading_.starting <= std::max(reading_.max, reading_.desired));
    if (elastic_.CanSpareOne(reading_, now_)) {
      CHECK(reading_.extras > 0);
      CHECK(reading_.blocked < reading_.desired);
      Retire();
    }
  }

  [[nodiscard]] int Started() const { return started_; }

 private:
  std::uint32_t Pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  void Happen(std::uint32_t what) {
    switch (what) {
      case 0: reading_.blocked = reading_.ready; break;
      case 1: reading_.blocked = Pick(reading_.ready + 1); break;
      case 2: reading_.waiting = Pick(100); break;
      case 3: Crash(); break;
      case 4: BecomeReady(); break;
      case 5: FailToStart(); break;
      default: break;  // only time passes
    }
  }

  // A regular worker exits; another is started for it.
  void Crash() {
    if (reading_.ready <= reading_.extras) return;
    --reading_.ready;
    ++reading_.starting;
    reading_.blocked = std::min(reading_.blocked, reading_.ready);
  }

  void BecomeReady() {
    if (reading_.starting == 0) return;
    --reading_.starting;
    ++reading_.ready;
  }

  // Only an extra, which is not started again.
  void FailToStart() {
    const bool extra_starts = reading_.starting > 0 && reading_.ready >= reading_.desired;
    if (!extra_starts || reading_.extras == 0) return;
    --reading_.starting;
    --reading_.extras;
    elastic_.StartFailed(now_);
    failed_ = now_;
  }

  void Retire() {
    --reading_.extras;
    if (reading_.ready > reading_.desired) --reading_.ready;
    reading_.blocked = std::min(reading_.blocked, reading_.ready);
  }

  Elastic elastic_;
  ElasticReading reading_;
  Time now_ = kStart;
  Time failed_{};
  int started_ = 0;
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("all are blocked and a connection waits: one more") {
  Elastic elastic;
  CHECK(elastic.WantsOneMore(AllBlocked(), kStart));
}

TEST_CASE("no extra if one is free, nothing waits, or no worker is ready") {
  Elastic elastic;
  ElasticReading reading = AllBlocked();
  reading.blocked = 3;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
  reading = AllBlocked();
  reading.waiting = 0;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
  reading = AllBlocked();
  reading.ready = reading.blocked = 0;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
}

TEST_CASE("a busy machine is no reason: a queue of ten thousand, no worker blocked") {
  Elastic elastic;
  ElasticReading reading = AllBlocked();
  reading.blocked = 0;
  reading.waiting = 10'000;
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(elastic.WantsOneMore(reading, kStart + milliseconds(2 * i)));
}

TEST_CASE("a crash is no reason: supervision brings the missing worker back") {
  Elastic elastic;
  ElasticReading reading = AllBlocked();
  reading.ready = reading.blocked = 3;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
  reading.starting = 1;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
}

TEST_CASE("one at a time, and never above workers_max; equal to workers means off") {
  Elastic elastic;
  ElasticReading reading = AllBlocked();
  reading.starting = 1;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
  reading = AllBlocked();
  reading.ready = reading.blocked = 16;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
  reading = AllBlocked();
  reading.max = 4;
  CHECK_FALSE(elastic.WantsOneMore(reading, kStart));
}

TEST_CASE("an extra that could not start is not tried again for a second") {
  Elastic elastic;
  elastic.StartFailed(kStart);
  CHECK_FALSE(elastic.WantsOneMore(AllBlocked(), kStart + milliseconds(999)));
  CHECK(elastic.WantsOneMore(AllBlocked(), kStart + seconds(1)));
}

TEST_CASE("an extra is kept for half a minute after the last need, and then retired") {
  Elastic elastic;
  REQUIRE(elastic.WantsOneMore(AllBlocked(), kStart));
  ElasticReading calm = AllBlocked();
  calm.ready = 5;
  calm.blocked = 1;
  calm.waiting = 0;
  calm.extras = 1;
  CHECK_FALSE(elastic.CanSpareOne(calm, kStart + seconds(29)));
  ElasticReading needed = calm;
  needed.blocked = 4;  // as many as there are regular workers: clients would wait without it
  CHECK_FALSE(elastic.CanSpareOne(needed, kStart + seconds(29)));
  CHECK_FALSE(elastic.CanSpareOne(calm, kStart + seconds(58)));
  CHECK(elastic.CanSpareOne(calm, kStart + seconds(59)));
  calm.extras = 0;
  CHECK_FALSE(elastic.CanSpareOne(calm, kStart + seconds(1000)));
}

TEST_CASE("a hundred walks of ten thousand steps: never for a busy machine or a crash, never too many") {
  int started = 0;
  for (std::uint32_t seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    Walk walk(seed);
    for (int step = 0; step < 10'000; ++step) walk.Step();
    started += walk.Started();
  }
  CHECK(started > 1000);  // the walks reach the interesting states
}

}  // namespace preforkd::testing
