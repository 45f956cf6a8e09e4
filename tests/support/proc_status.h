// What /proc says about a process that is not ours to ask: signal masks, memory, CPU time, children.
#ifndef PREFORKD_TESTS_SUPPORT_PROC_STATUS_H_
#define PREFORKD_TESTS_SUPPORT_PROC_STATUS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace preforkd::testing {

// The value of one line of /proc/PID/status, such as "NoNewPrivs"; empty when there is none.
std::string StatusField(pid_t pid, const std::string& field);
// The signals of "SigBlk", "SigIgn" or "SigCgt", ascending.
std::vector<int> SignalsIn(pid_t pid, const std::string& field);
// VmRSS; 0 when the process is gone.
std::uint64_t ResidentBytes(pid_t pid);
// Pss of /proc/PID/smaps_rollup: its memory, with what it shares divided among those who share it. 0 when the
// process is gone.
std::uint64_t ProportionalBytes(pid_t pid);
// User and system time so far.
double CpuSeconds(pid_t pid);
// The same of its first thread, as the scheduler counts it: to the nanosecond.
std::uint64_t CpuNanoseconds(pid_t pid);
// Processes whose parent is `pid`, ascending; zombies too.
std::vector<pid_t> ChildrenOf(pid_t pid);
// There is such a process, and it is no zombie.
bool IsAlive(pid_t pid);

}  // namespace preforkd::testing

#endif
