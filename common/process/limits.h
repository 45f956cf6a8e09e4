// What the process may use, and how it is scheduled.
#ifndef PREFORKD_COMMON_PROCESS_LIMITS_H_
#define PREFORKD_COMMON_PROCESS_LIMITS_H_

#include <cstdint>

#include "common/base/result.h"

namespace preforkd {

// Raises the soft limit of descriptors to the hard one. The value that is in force now.
std::uint64_t RaiseDescriptorLimit();
// The soft limit now; it can be changed from outside (prlimit(1)) at any time.
std::uint64_t DescriptorLimit();
// CPUs this process may run on, at least 1.
std::uint32_t UsableCpus();
// SCHED_BATCH: a process that wakes another is not preempted by it, which is most of what passing a connection
// costs. Inherited by children. Needs no privilege; a seccomp filter may refuse.
Status UseBatchScheduling();

}  // namespace preforkd

#endif
