// Facts about another process from /proc: signal masks, memory, CPU time, children.
#ifndef PREFORKD_TESTS_SUPPORT_PROC_STATUS_H_
#define PREFORKD_TESTS_SUPPORT_PROC_STATUS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace preforkd::testing {

// The value of one line of /proc/PID/status, such as "NoNewPrivs"; empty if there is none.
std::string StatusField(pid_t pid, const std::string& field);
// The signals of "SigBlk", "SigIgn" or "SigCgt", ascending.
std::vector<int> SignalsIn(pid_t pid, const std::string& field);
// VmRSS; 0 if the process does not exist.
std::uint64_t ResidentBytes(pid_t pid);
// Pss_Anon and Pss_Shmem of /proc/PID/smaps_rollup: its memory, with shared pages divided among the processes
// that share them, without the pages of files: how many share those depends on what else runs. 0 if the
// process does not exist.
std::uint64_t ProportionalBytes(pid_t pid);
// User and system time so far.
double CpuSeconds(pid_t pid);
// The same for its first thread, to the nanosecond (schedstat).
std::uint64_t CpuNanoseconds(pid_t pid);
// Processes whose parent is `pid`, ascending, with zombies.
std::vector<pid_t> ChildrenOf(pid_t pid);
// The process exists and is not a zombie.
bool IsAlive(pid_t pid);

}  // namespace preforkd::testing

#endif
