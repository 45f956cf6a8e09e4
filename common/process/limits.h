// Resource limits and scheduling of the process.
#ifndef PREFORKD_COMMON_PROCESS_LIMITS_H_
#define PREFORKD_COMMON_PROCESS_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace preforkd {

// Raises the soft limit of descriptors to the hard one. Returns the limit in force.
std::uint64_t RaiseDescriptorLimit();
// The soft limit; another process can change it (prlimit(1)) at any time. Asked of the kernel at most once in
// a millisecond: between a question and what depends on the answer as much time may pass anyway.
std::uint64_t DescriptorLimit();
// Whether `wanted` (at most 64) more descriptors can be opened. `in_use_at_most`: an upper bound that the
// caller knows. Only if it comes near the limit, the exact answer is found by opening and closing
// descriptors. Ask before receiving a descriptor: recvmsg(2) into a full table succeeds and loses it.
bool HasDescriptorRoom(std::uint64_t in_use_at_most, std::size_t wanted);
// The number of CPUs to use, at least 1: those that this process may run on (sched_setaffinity(2)), at most
// the CPU quota of its control groups rounded up. Read at each call: both can change.
struct CpuShare {
  std::uint32_t cpus = 1;
  std::uint32_t affinity = 1;
  double quota = 0;   // in CPUs; 0: none
  std::string found;  // for the log: "4 by affinity, 1.50 by /sys/fs/cgroup/cpu.max"
};
CpuShare UsableCpus();
// SCHED_BATCH: a process that wakes another is not preempted by it; such preemption is the largest part of
// the cost of passing a connection. Children inherit it. Needs no privilege; a seccomp filter may refuse it.
Status UseBatchScheduling();
// SCHED_OTHER with a time slice of 0.1 ms, the shortest: this process preempts what runs when it wakes up.
// Kernels before 6.12 ignore the slice. Needs no privilege; a seccomp filter may refuse it.
Status UsePromptScheduling();

}  // namespace preforkd

#endif
