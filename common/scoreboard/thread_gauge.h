// ThreadGauge: a worker's account of its application threads in its row: how many are busy, and how many
// requests wait for one. The only writer of these fields. The master chooses a slot by them (balance.h), and
// the other workers of the pool read them before they hand a waiting request back.
//
// A worker with application threads has one. Any thread of it may write, one after the other.
#ifndef PREFORKD_COMMON_SCOREBOARD_THREAD_GAUGE_H_
#define PREFORKD_COMMON_SCOREBOARD_THREAD_GAUGE_H_

#include <cstdint>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class ThreadGauge {
 public:
  // `threads` of them, all free; at least 1. Create it before the worker says that it is ready: the master
  // looks once, then, whether the slot has application threads. `row` and `marks` must outlive the gauge.
  ThreadGauge(WorkerRow& row, LoadMarks& marks, Slot slot, std::uint32_t threads);
  ThreadGauge(const ThreadGauge&) = delete;
  ThreadGauge& operator=(const ThreadGauge&) = delete;

  // `waiting` requests wait for a thread, and `busy` threads are busy. One call at a time: its caller locks
  // the queue.
  void Set(std::uint64_t waiting, std::uint64_t busy, Time now);

 private:
  void Mark() { marks_.Mark(slot_); }

  WorkerRow& row_;
  LoadMarks& marks_;
  Slot slot_;
};

// How many more requests the worker can begin at once: its threads, less the busy ones, less the connections
// and requests that wait for one. 0 without application threads. Never negative, whatever the row holds. Any
// process.
[[nodiscard]] std::uint64_t FreeThreads(const WorkerRow& row);

// Free threads of the other ready workers of the same pool and generation, or of any generation if `own`
// retires: so many requests that wait in `own` are better handed back. Reads every row; for a worker, some
// thousand times a second at most.
[[nodiscard]] std::uint64_t FreeThreadsElsewhere(const Scoreboard& scoreboard, Slot own);

}  // namespace preforkd

#endif
