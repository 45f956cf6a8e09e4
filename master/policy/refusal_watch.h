// RefusalWatch: decides which refused system calls of workers are logged, and when. Pure: fed with counts.
//
// The first refusal of a worker is reported at the next update, later ones at most every kQuiet per worker,
// and the rest when the worker exits. A service that is refused a call in each request must not fill the log.
#ifndef PREFORKD_MASTER_POLICY_REFUSAL_WATCH_H_
#define PREFORKD_MASTER_POLICY_REFUSAL_WATCH_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace preforkd {

struct RefusedCall {
  std::optional<int> number;  // of the system call; nullopt: several others, counted together
  std::uint64_t times = 0;

  bool operator==(const RefusedCall&) const = default;
};

class RefusalWatch {
 public:
  static constexpr Duration kQuiet = std::chrono::seconds(10);

  // `so_far`: the worker's refusals since its start, each call once. Returns what to report now: the
  // refusals of each call since its last report. Memory is bounded by the size of `so_far`.
  std::vector<RefusedCall> Update(const WorkerId& worker, const std::vector<RefusedCall>& so_far, Time now);
  // The worker has exited: returns everything that was not reported, and forgets the worker.
  std::vector<RefusedCall> Finish(const WorkerId& worker, const std::vector<RefusedCall>& so_far);

 private:
  struct Reported {
    Time at{};
    std::vector<RefusedCall> so_far;
  };
  static std::vector<RefusedCall> Since(const std::vector<RefusedCall>& reported,
                                        const std::vector<RefusedCall>& so_far);

  std::map<WorkerId, Reported> reported_;
};

}  // namespace preforkd

#endif
