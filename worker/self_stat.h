// What this process uses: for its row in the scoreboard.
#ifndef PREFORKD_WORKER_SELF_STAT_H_
#define PREFORKD_WORKER_SELF_STAT_H_

#include <cstdint>

namespace preforkd {

struct SelfStat {
  std::uint64_t rss_bytes = 0;  // resident now (/proc/self/statm); 0 where /proc is not mounted
  std::uint64_t cpu_ns = 0;     // user and system
};

SelfStat ReadSelfStat();

}  // namespace preforkd

#endif
