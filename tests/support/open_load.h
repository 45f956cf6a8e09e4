// OpenLoad: clients that arrive at random times (Poisson), not when the server has answered the last one.
// Latency counts from the planned arrival, so that a stall of the server delays all that arrive meanwhile.
#ifndef PREFORKD_TESTS_SUPPORT_OPEN_LOAD_H_
#define PREFORKD_TESTS_SUPPORT_OPEN_LOAD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {

struct OpenLoadPlan {
  std::string address;
  double arrivals_per_second = 400;
  Duration length = std::chrono::seconds(10);
  int kept = 0;  // clients that keep a connection each and ask by turns; 0: a new one for each request
  Duration timeout = kClientTimeout;  // how long a client waits for an answer; then the request has failed
  double blocking_share = 0;          // share of requests that send `blocking` instead of `quick`
  std::string quick;                  // a request
  std::string blocking;
  std::string answer_end = "\n";  // the end of the right answer to both; occurs nowhere else in it
  std::uint32_t seed = 1;
};

struct OpenLoadResult {
  std::vector<Duration> quick;  // ascending; one that failed took the timeout, or longer
  std::uint64_t blocking = 0;   // answered
  std::uint64_t answered = 0;   // of both kinds
  std::uint64_t failed = 0;     // of both kinds
  int kept = 0;                 // clients that still have their first connection at the end

  // 0.99: p99 of the quick requests.
  [[nodiscard]] Duration Quantile(double share) const;
};

// Runs the plan to its end. A client whose request fails, or whose connection the server has closed after an
// answer, opens a new one for its next request. The latter is no failure: it shows in `kept`.
OpenLoadResult RunOpenLoad(const OpenLoadPlan& plan);

}  // namespace preforkd::testing

#endif
