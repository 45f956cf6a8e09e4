// ModuleCounters: what a worker adds to the counters that the module of one service declares. The only writer
// of WorkerRow::module_counts. The master gives each counter of a service its number for as long as the
// server runs (CounterTable); /metrics shows the sum over all workers.
#ifndef PREFORKD_COMMON_SCOREBOARD_MODULE_COUNTERS_H_
#define PREFORKD_COMMON_SCOREBOARD_MODULE_COUNTERS_H_

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/scoreboard/worker_row.h"

namespace preforkd {

// The numbers of a service's counters, in the order in which the module declares them. A number that is not
// below kMaxModuleCounters: that counter has none and is not counted.
using CounterNumbers = std::vector<std::uint16_t>;
inline constexpr std::uint16_t kNoCounterNumber = 0xFFFF;

class ModuleCounters {
 public:
  // `row` must outlive this object. `numbers`: from WorkerStart; empty in a worker that only tries whether
  // the service starts.
  ModuleCounters(WorkerRow& row, CounterNumbers numbers) : row_(row), numbers_(std::move(numbers)) {}

  // `index`: of the counter in the module's table; unknown ones are ignored. Any thread of the worker.
  //
  // An atomic addition, as a module may count in its application threads and in the loop at the same time: a
  // plain load and store, as for all other counters of the row (counters.h), would lose counts. Relaxed:
  // nothing is ordered by it.
  void Add(std::uint32_t index, std::uint64_t amount) {
    if (index >= numbers_.size() || numbers_[index] >= kMaxModuleCounters) return;
    row_.module_counts[numbers_[index]].fetch_add(amount, std::memory_order_relaxed);
  }

 private:
  WorkerRow& row_;
  const CounterNumbers numbers_;
};

}  // namespace preforkd

#endif
