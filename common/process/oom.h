// The number of processes in our memory control group that the kernel's OOM killer has killed (cgroups(7)).
// The parsing is pure; only the master opens the file.
#ifndef PREFORKD_COMMON_PROCESS_OOM_H_
#define PREFORKD_COMMON_PROCESS_OOM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"

namespace preforkd {

// The value of the line "oom_kill N" in memory.events (version 2), memory.oom_control (version 1) or
// /proc/vmstat.
std::optional<std::uint64_t> OomKillsIn(std::string_view text);

// The files that may have that line for the process whose /proc/PID/cgroup is `cgroups`, the best first. In a
// container our group may be mounted as the root. The count of the whole machine comes last.
std::vector<std::string> OomCounterPaths(std::string_view cgroups);

// The counter of this process's group. Keeps the file open, so that it can be read when no descriptor is
// free.
class OomCounter {
 public:
  OomCounter();
  // nullopt: the system has no such counter.
  [[nodiscard]] std::optional<std::uint64_t> Read() const;

 private:
  UniqueFd file_;
};

}  // namespace preforkd

#endif
