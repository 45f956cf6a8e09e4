// What the kernel does with a process of ours: the one thing that tells a worker that waits for something
// inside its callback from one that computes there, or that the machine does not let run.
#ifndef PREFORKD_COMMON_PROCESS_PROCESS_STATE_H_
#define PREFORKD_COMMON_PROCESS_PROCESS_STATE_H_

#include <sys/types.h>

namespace preforkd {

// It sleeps: in a system call, or on a page that has to be read. False for one that runs or could run, for a
// zombie, and when it cannot be known (no descriptor is free, /proc is not mounted). Costs some ten
// microseconds. Source: proc(5), /proc/PID/stat, field 3. Precondition: `pid` is a child that has not been
// waited for; otherwise it could be a stranger's.
bool IsAsleep(pid_t pid);

}  // namespace preforkd

#endif
