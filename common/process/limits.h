// What the process may use, and how it is scheduled.
#ifndef PREFORKD_COMMON_PROCESS_LIMITS_H_
#define PREFORKD_COMMON_PROCESS_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace preforkd {

// Raises the soft limit of descriptors to the hard one. The value that is in force now.
std::uint64_t RaiseDescriptorLimit();
// The soft limit now; it can be changed from outside (prlimit(1)) at any time.
std::uint64_t DescriptorLimit();
// Is there room for `wanted` more descriptors, at most 64? `in_use_at_most` is a bound that the caller knows;
// only when that bound comes near the limit is the table itself asked (by opening and closing, which is
// exact). Ask before receiving a descriptor: recvmsg(2) into a full table succeeds, and loses it.
bool HasDescriptorRoom(std::uint64_t in_use_at_most, std::size_t wanted);
// CPUs to plan for, at least 1: those that this process may run on (sched_setaffinity(2)), no more than the
// CPU quota of its control groups rounded up. Read anew each time: both can be changed from outside.
struct CpuShare {
  std::uint32_t cpus = 1;
  std::string found;  // for the log: "4 by affinity, 1.50 by /sys/fs/cgroup/cpu.max"
};
CpuShare UsableCpus();
// SCHED_BATCH: a process that wakes another is not preempted by it, which is most of what passing a
// connection costs. Inherited by children. Needs no privilege; a seccomp filter may refuse.
Status UseBatchScheduling();

}  // namespace preforkd

#endif
