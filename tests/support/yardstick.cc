#include "tests/support/yardstick.h"

#include <poll.h>

#include <algorithm>
#include <ctime>

namespace preforkd::testing {
namespace {

// Longer than a time slice of the scheduler, so that waiting for a CPU shows.
constexpr Duration kBurst = std::chrono::milliseconds(10);
constexpr int kPauseMs = 40;

Duration ThreadCpu() {
  std::timespec cpu{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  return std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
}

}  // namespace

void Spin(Duration cpu) {
  const Duration end = ThreadCpu() + cpu;
  while (ThreadCpu() < end) {
  }
}

Yardstick::Yardstick() : thread_([this] { Run(); }) {}

Yardstick::~Yardstick() {
  stop_ = true;
  thread_.join();
}

void Yardstick::Run() {
  double worst = 1;
  while (!stop_) {
    const Time start = Now();
    (void)::poll(nullptr, 0, kPauseMs);
    Spin(kBurst);
    const Duration pause = std::chrono::milliseconds(kPauseMs);
    // Late to wake, or without a CPU: both are due to the load of the machine.
    const double ratio = Seconds(Now() - start - pause) / Seconds(kBurst);
    worst = std::max(worst, ratio);
    slowdown_ = worst;
  }
}

double Yardstick::Slowdown() const {
  constexpr int kLookAgainMs = 5;
  while (slowdown_ == 0) (void)::poll(nullptr, 0, kLookAgainMs);
  return slowdown_;
}

Duration Yardstick::Allow(Duration alone) const {
  return std::chrono::duration_cast<Duration>(alone * Slowdown());
}

}  // namespace preforkd::testing
