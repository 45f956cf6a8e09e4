// The kernel's state of a process of ours. It distinguishes a worker that waits for something inside its
// callback from one that computes there, or that gets no CPU.
#ifndef PREFORKD_COMMON_PROCESS_PROCESS_STATE_H_
#define PREFORKD_COMMON_PROCESS_PROCESS_STATE_H_

#include <sys/types.h>

namespace preforkd {

// True if it sleeps: in a system call, or on a page fault. False if it runs or could run, is a zombie, or if
// the state cannot be read (no descriptor is free, /proc is not mounted). Costs some ten microseconds.
// Source: proc(5), /proc/PID/stat, field 3. Precondition: `pid` is a child that has not been waited for;
// otherwise it could be another process.
bool IsAsleep(pid_t pid);

// True if each of its threads sleeps, whatever the first one does. For a worker whose application threads are
// busy: its first thread, the loop, reads and sends meanwhile. False if it has no other thread. Source:
// /proc/PID/task/TID/stat. Allocates; else as above.
bool IsAsleepBesideTheFirst(pid_t pid);

}  // namespace preforkd

#endif
