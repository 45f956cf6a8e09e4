// Yardstick: how much slower than alone a process runs on this machine just now. For tests that must measure
// the server by the clock: what it may take is multiplied by what the machine takes from everybody.
//
// Runs a thread that is busy a fifth of its time. Start a DaemonProcess before it, not while it runs.
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

  // The worst since the start; 1 on a machine that has nothing else to do. Waits for the first measurement.
  [[nodiscard]] double Slowdown() const;
  // What `alone` may be here.
  [[nodiscard]] Duration Allow(Duration alone) const;

 private:
  void Run();

  std::atomic<bool> stop_{false};
  std::atomic<double> slowdown_{0.0};  // 0: not measured yet
  std::thread thread_;
};

// Uses as much CPU time of the calling thread, however long that takes: what spins beside it has got about as
// much by then.
void Spin(Duration cpu);

}  // namespace preforkd::testing

#endif
