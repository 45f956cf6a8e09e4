// CheckSchedule: when the path of the served folder is to be looked up again. Pure: told the time.
//
// A lookup costs an open and a close. Once a second is nothing beside the requests of that second, and keeps
// the promise that new content is served within one. A file that is not found may be in the folder that the
// path leads to now, so a miss looks at once: an old release is often removed right after the switch. Misses
// have a budget of a hundred looks a second, because clients that ask for what does not exist must not make
// it dearer. Only a worker with more misses than that may answer 404 for what is there, for 10 ms.
#ifndef PREFORKD_WORKER_HTTP_FILES_CHECK_SCHEDULE_H_
#define PREFORKD_WORKER_HTTP_FILES_CHECK_SCHEDULE_H_

#include <algorithm>

#include "common/base/clock.h"

namespace preforkd::http {

class CheckSchedule {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr Duration kPerMiss = std::chrono::milliseconds(10);
  static constexpr int kMissesAtOnce = 16;

  // The path has been looked up at `now`.
  explicit CheckSchedule(Time now) : looked_(now), spent_until_(now) {}
  void Checked(Time now) { looked_ = now; }

  // Before a file is opened.
  [[nodiscard]] bool Due(Time now) const { return now - looked_ >= kInterval; }
  // After a file was not found, or the folder was not there. True: the look is taken from the budget.
  [[nodiscard]] bool SpendOnMiss(Time now) {
    if (spent_until_ - now > (kMissesAtOnce - 1) * kPerMiss) return false;
    spent_until_ = std::max(spent_until_, now) + kPerMiss;
    return true;
  }

 private:
  Time looked_;
  Time spent_until_;  // each look for a miss takes kPerMiss; those ahead of the clock are kMissesAtOnce at
                      // most
};

}  // namespace preforkd::http

#endif
