#include "common/scoreboard/thread_gauge.h"

#include "common/base/check.h"

namespace preforkd {

ThreadGauge::ThreadGauge(WorkerRow& row, LoadMarks& marks, Slot slot, std::uint32_t threads)
    : row_(row), marks_(marks), slot_(slot) {
  PF_CHECK(threads > 0, "a gauge of no threads");
  preforkd::Set(row_.threads, threads);
}

void ThreadGauge::Set(std::uint64_t waiting, std::uint64_t busy, Time now) {
  if (waiting == Get(row_.requests_waiting) && busy == Get(row_.threads_busy)) return;
  preforkd::Set(row_.requests_waiting, waiting);
  preforkd::Set(row_.threads_busy, busy);
  const bool none_free = busy >= Get(row_.threads);
  if (none_free != (Get(row_.threads_busy_since_ns) != 0)) {
    preforkd::Set(row_.threads_busy_since_ns,
                  none_free ? static_cast<std::uint64_t>(ToNanoseconds(now)) : std::uint64_t{0});
  }
  Mark();
}

std::uint64_t FreeThreads(const WorkerRow& row) {
  const std::uint64_t idle = Difference(Get(row.threads), Get(row.threads_busy));
  return Difference(Difference(idle, row.Queued()), Get(row.requests_waiting));
}

std::uint64_t FreeThreadsElsewhere(const Scoreboard& scoreboard, Slot own) {
  const WorkerRow& mine = scoreboard.Row(own);
  // A worker of a generation that is starting is ready before it is in service: the master would give the
  // request to one of ours again. Once ours retires, another is in service.
  const bool retiring = mine.state.load(std::memory_order_relaxed) == SlotState::kRetiring;
  std::uint64_t free = 0;
  for (std::uint32_t i = 0; i < scoreboard.SlotsUsed(); ++i) {
    const WorkerRow& row = scoreboard.Row(Slot{i});
    const bool beside_us = i != Raw(own) && row.state.load(std::memory_order_relaxed) == SlotState::kReady &&
                           Get(row.pool) == Get(mine.pool) &&
                           (retiring || Get(row.generation) == Get(mine.generation));
    if (beside_us) free += FreeThreads(row);
  }
  return free;
}

}  // namespace preforkd
