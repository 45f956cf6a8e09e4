// ThreadSteps: what application threads do, one step after the other, told to the product's gauge.
#ifndef PREFORKD_TESTS_SUPPORT_THREAD_STEPS_H_
#define PREFORKD_TESTS_SUPPORT_THREAD_STEPS_H_

#include <cstdint>

#include "common/scoreboard/thread_gauge.h"

namespace preforkd::testing {

class ThreadSteps {
 public:
  ThreadSteps(WorkerRow& row, LoadMarks& marks, Slot slot, std::uint32_t threads)
      : gauge_(row, marks, slot, threads) {}

  // A free thread begins a request.
  void Started(Time now = Now()) { gauge_.Set(waiting_, ++busy_, now); }
  // A busy thread has finished its request.
  void Finished() { gauge_.Set(waiting_, --busy_, Now()); }
  // A request waits for a thread.
  void Queued() { gauge_.Set(++waiting_, busy_, Now()); }
  // It waits no more.
  void Unqueued() { gauge_.Set(--waiting_, busy_, Now()); }

 private:
  ThreadGauge gauge_;
  std::uint64_t waiting_ = 0;
  std::uint64_t busy_ = 0;
};

}  // namespace preforkd::testing

#endif
