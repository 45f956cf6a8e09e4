#include "master/policy/refusal_watch.h"

#include <algorithm>

namespace preforkd {

std::vector<RefusedCall> RefusalWatch::Update(const WorkerId& worker, const std::vector<RefusedCall>& so_far,
                                              Time now) {
  const auto known = reported_.find(worker);
  if (known != reported_.end() && now - known->second.at < kQuiet) return {};
  std::vector<RefusedCall> news =
      Since(known != reported_.end() ? known->second.so_far : std::vector<RefusedCall>(), so_far);
  if (!news.empty()) reported_[worker] = Reported{now, so_far};
  return news;
}

std::vector<RefusedCall> RefusalWatch::Finish(const WorkerId& worker,
                                              const std::vector<RefusedCall>& so_far) {
  const auto known = reported_.extract(worker);
  return Since(known.empty() ? std::vector<RefusedCall>() : known.mapped().so_far, so_far);
}

std::vector<RefusedCall> RefusalWatch::Since(const std::vector<RefusedCall>& reported,
                                             const std::vector<RefusedCall>& so_far) {
  std::vector<RefusedCall> news;
  for (const RefusedCall& call : so_far) {
    const auto before = std::find_if(reported.begin(), reported.end(),
                                     [&](const RefusedCall& one) { return one.number == call.number; });
    const std::uint64_t times = before != reported.end() ? before->times : 0;
    if (call.times > times) news.push_back({call.number, call.times - times});
  }
  return news;
}

}  // namespace preforkd
