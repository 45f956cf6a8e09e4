// OpenLoad: clients that come when they come (Poisson), not when the server has answered the last one.
// Latency is counted from the planned arrival, so a server that stalls pays for everybody who came meanwhile.
#ifndef PREFORKD_TESTS_SUPPORT_OPEN_LOAD_H_
#define PREFORKD_TESTS_SUPPORT_OPEN_LOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"

namespace preforkd::testing {

struct OpenLoadPlan {
  std::string address;
  double arrivals_per_second = 400;
  Duration length = std::chrono::seconds(10);
  double blocking_share = 0;  // of the requests, that send `blocking` instead of `quick`
  std::string quick;          // a request
  std::string blocking;
  std::string answer_end = "\n";  // what the right answer to both ends with, and holds nowhere before
  std::uint32_t seed = 1;
};

struct OpenLoadResult {
  std::vector<Duration> quick;  // ascending
  std::uint64_t blocking = 0;   // answered
  std::uint64_t failed = 0;

  // 0.99 -> p99 of the quick ones.
  [[nodiscard]] Duration Quantile(double share) const;
};

// Runs the plan to its end, every client on a connection of its own.
OpenLoadResult RunOpenLoad(const OpenLoadPlan& plan);

}  // namespace preforkd::testing

#endif
