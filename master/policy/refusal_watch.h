// RefusalWatch: what is said of the system calls that a filter has refused to workers, and when. Pure: fed
// with counts.
//
// The first refusal is said at the next look, then no more often than every kQuiet for each worker, and what
// is left at its end: a service that is refused something at each request must not fill the log.
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
  std::optional<int> number;  // of the system call; nullopt: of several others
  std::uint64_t times = 0;

  bool operator==(const RefusedCall&) const = default;
};

class RefusalWatch {
 public:
  static constexpr Duration kQuiet = std::chrono::seconds(10);

  // `so_far`: what the worker has been refused since its start; each call once. What is to be said now: how
  // often each since it was last said. Whatever numbers come, no more is kept than those.
  std::vector<RefusedCall> Update(const WorkerId& worker, const std::vector<RefusedCall>& so_far, Time now);
  // The same at the worker's end: everything that has not been said. Then it is forgotten.
  std::vector<RefusedCall> Finish(const WorkerId& worker, const std::vector<RefusedCall>& so_far);

 private:
  struct Said {
    Time at{};
    std::vector<RefusedCall> so_far;
  };
  static std::vector<RefusedCall> Since(const std::vector<RefusedCall>& said,
                                        const std::vector<RefusedCall>& so_far);

  std::map<WorkerId, Said> said_;
};

}  // namespace preforkd

#endif
