// LocalWait: how long a request waits in a worker for one of its threads before it goes to the master, where
// a worker that is killed cannot take it along.
//
// A journey through the master costs about as much as a tenth of a millisecond of work. Beside handlers that
// take longer than a few milliseconds, that is little: requests leave after a moment. Beside short ones it
// would cost more than it saves: they leave when they have waited as long as anything may wait in a slot.
//
// Pure, but for one number that two threads share.
#ifndef PREFORKD_WORKER_MODULE_HTTP_LOCAL_WAIT_H_
#define PREFORKD_WORKER_MODULE_HTTP_LOCAL_WAIT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace preforkd::module {

class LocalWait {
 public:
  // A request waits at least so long, also if another worker is free: most handlers that do not block are
  // done by then.
  static constexpr Duration kMoment = std::chrono::milliseconds(2);
  // A handler that takes longer on average is long.
  static constexpr Duration kLongRun = std::chrono::milliseconds(3);

  // From `now` on, `running` threads run a handler. Any thread, one call at a time.
  void Ran(std::size_t running, Time now);

  // nullopt: it stays for as long as it takes. `reclaim_after`: of the configuration; 0: never. Any thread.
  [[nodiscard]] std::optional<Duration> Limit(Duration reclaim_after) const;

 private:
  // The mean is of about so many handlers, the latest ones.
  static constexpr std::uint64_t kRuns = 32;

  std::size_t running_ = 0;
  Time since_{};
  Duration spent_{};         // by all threads together
  std::uint64_t ended_ = 0;  // handlers
  // Handlers of a blocking module are long until they have shown that they are not.
  std::atomic<std::int64_t> mean_ns_{Duration(kLongRun).count()};
};

}  // namespace preforkd::module

#endif
