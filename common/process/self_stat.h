// Resources that this process uses, for the scoreboard, and the memory of its environment.
#ifndef PREFORKD_COMMON_PROCESS_SELF_STAT_H_
#define PREFORKD_COMMON_PROCESS_SELF_STAT_H_

#include <cstdint>
#include <optional>
#include <span>

#include "common/base/unique_fd.h"

namespace preforkd {

struct SelfStat {
  std::uint64_t rss_bytes = 0;      // resident now (/proc/self/statm); 0 where /proc is not mounted
  std::uint64_t virtual_bytes = 0;  // the same
  std::uint64_t shared_bytes = 0;   // the same: of rss_bytes, pages of files and of shared memory
  std::uint64_t cpu_ns = 0;         // user and system
};

SelfStat ReadSelfStat();
// /proc/self/statm, to be kept open: it can then be read without opening it, also where /proc is not visible
// any more. Invalid if it cannot be opened. A child must open its own.
UniqueFd OpenStatm();
// The same, read from `statm` (borrowed).
SelfStat ReadSelfStat(int statm);

// The memory that the kernel shows as /proc/PID/environ: NUL-terminated strings, as they were at the exec.
// Empty if /proc is not mounted.
std::span<char> EnvironmentArea();

// The number of open descriptors, by one system call. nullopt if the kernel does not tell (before Linux 6.2).
std::optional<std::uint64_t> AskOpenDescriptors();
// The same on any kernel, by listing them. nullopt if /proc is not mounted.
std::optional<std::uint64_t> CountOpenDescriptors();

}  // namespace preforkd

#endif
