// Reads how many processes of our memory control group the kernel's OOM killer has taken (cgroups(7)). The
// parsing is pure; the master alone opens the file.
#ifndef PREFORKD_COMMON_PROCESS_OOM_H_
#define PREFORKD_COMMON_PROCESS_OOM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"

namespace preforkd {

// The value of the line "oom_kill N" of memory.events (version 2), memory.oom_control (version 1) or
// /proc/vmstat.
std::optional<std::uint64_t> OomKillsIn(std::string_view text);

// Where that line may be for the process whose /proc/PID/cgroup is `cgroups`, the best first. In a container
// our group may be mounted as the root. The machine's own count comes last.
std::vector<std::string> OomCounterPaths(std::string_view cgroups);

// The counter of this process's group. Keeps the file open, so that it can be read when no descriptor is
// free.
class OomCounter {
 public:
  OomCounter();
  // nullopt: the system does not tell.
  [[nodiscard]] std::optional<std::uint64_t> Read() const;

 private:
  UniqueFd file_;
};

}  // namespace preforkd

#endif
