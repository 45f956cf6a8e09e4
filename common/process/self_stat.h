// What this process uses, for its part of the scoreboard, and where its environment lies.
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
  std::uint64_t cpu_ns = 0;         // user and system
};

SelfStat ReadSelfStat();
// /proc/self/statm, to be kept: it is then read without being opened, also by who has no /proc any more.
// Invalid where there is none. A child must open its own.
UniqueFd OpenStatm();
// The same from `statm`, borrowed.
SelfStat ReadSelfStat(int statm);

// The memory that the kernel shows as /proc/PID/environ: strings, each with its NUL, as they were at the
// exec. Empty where /proc is not mounted.
std::span<char> EnvironmentArea();

// Open descriptors, at the price of one system call. nullopt where the kernel does not say (before
// Linux 6.2).
std::optional<std::uint64_t> AskOpenDescriptors();
// The same on any kernel, at the price of a look at each. nullopt where /proc is not mounted.
std::optional<std::uint64_t> CountOpenDescriptors();

}  // namespace preforkd

#endif
