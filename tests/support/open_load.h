// OpenLoad: clients that arrive at random times (Poisson), not when the server has answered the last one.
// Latency counts from the planned arrival, so that a stall of the server delays all that arrive meanwhile.
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
  int kept = 0;  // connections that stay open and are used by turns; 0: a new one for each request
  double blocking_share = 0;  // share of requests that send `blocking` instead of `quick`
  std::string quick;          // a request
  std::string blocking;
  std::string answer_end = "\n";  // the end of the right answer to both; occurs nowhere else in it
  std::uint32_t seed = 1;
};

struct OpenLoadResult {
  std::vector<Duration> quick;  // ascending
  std::uint64_t blocking = 0;   // answered
  std::uint64_t failed = 0;

  // 0.99: p99 of the quick requests.
  [[nodiscard]] Duration Quantile(double share) const;
};

// Runs the plan to its end. A kept connection that fails is replaced by a new one.
OpenLoadResult RunOpenLoad(const OpenLoadPlan& plan);

}  // namespace preforkd::testing

#endif
