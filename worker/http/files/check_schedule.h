// CheckSchedule: decides when the path of the served folder is looked up again. Pure: the caller passes the
// time.
//
// A lookup costs an open and a close. One per second is cheap beside a second's requests, and new content is
// served within a second. A missing file may be in the folder to which the path leads now, because an old
// release is often removed right after the switch; so a miss triggers a lookup at once. Misses have a budget
// of 100 lookups per second, so that requests for missing files stay cheap. Only with more misses than that
// may a worker answer 404 for an existing file, for 10 ms.
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

  // The path was looked up at `now`.
  explicit CheckSchedule(Time now) : looked_(now), spent_until_(now) {}
  void Checked(Time now) { looked_ = now; }

  // A lookup is due before a file is opened.
  [[nodiscard]] bool Due(Time now) const { return now - looked_ >= kInterval; }
  // For a file or folder that was not found. True: look up now; the lookup is taken from the budget.
  [[nodiscard]] bool SpendOnMiss(Time now) {
    if (spent_until_ - now > (kMissesAtOnce - 1) * kPerMiss) return false;
    spent_until_ = std::max(spent_until_, now) + kPerMiss;
    return true;
  }

 private:
  Time looked_;
  // Each lookup for a miss adds kPerMiss; at most kMissesAtOnce of them lie in the future.
  Time spent_until_;
};

}  // namespace preforkd::http

#endif
