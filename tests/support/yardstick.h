// Yardstick: how much slower than on an idle machine a process runs now. For tests that measure the server by
// the clock: their bounds are multiplied by this slowdown.
//
// Runs a thread that is busy a fifth of the time. Start a DaemonProcess before it, not while it runs.
#ifndef PREFORKD_TESTS_SUPPORT_YARDSTICK_H_
#define PREFORKD_TESTS_SUPPORT_YARDSTICK_H_

#include <atomic>
#include <thread>

#include "common/base/clock.h"

namespace preforkd::testing {

class Yardstick {
 public:
  Yardstick();
  Yardstick(const Yardstick&) = delete;
  Yardstick& operator=(const Yardstick&) = delete;
  ~Yardstick();

  // The worst since the start; 1 on an idle machine. Waits for the first measurement.
  [[nodiscard]] double Slowdown() const;
  // `alone`, a bound on an idle machine, multiplied by the slowdown.
  [[nodiscard]] Duration Allow(Duration alone) const;

 private:
  void Run();

  std::atomic<bool> stop_{false};
  std::atomic<double> slowdown_{0.0};  // 0: not measured yet
  std::thread thread_;
};

// Uses this much CPU time in the calling thread, however long that takes. A process that spins at the same
// time gets about as much.
void Spin(Duration cpu);

}  // namespace preforkd::testing

#endif
