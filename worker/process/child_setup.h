// Child setup: what a newly forked process does before it becomes a worker.
//
// It was forked without an exec, so it holds all descriptors of the master: clients, listeners, the channels
// of all workers and the master's epoll. Each would keep a client's connection open, or hide the end of the
// master from another worker. So it first closes all of them. It must not touch the inherited event loop,
// which shares its epoll with the master.
#ifndef PREFORKD_WORKER_PROCESS_CHILD_SETUP_H_
#define PREFORKD_WORKER_PROCESS_CHILD_SETUP_H_

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/process/worker_start.h"

namespace preforkd {

// The fixed descriptor numbers of a worker. Besides them only the files of its modules are open before its
// event loop opens its own.
inline constexpr int kChannelFd = 3;
inline constexpr int kLogFd = 4;     // open only if the log is a file
inline constexpr int kAccessFd = 5;  // open only if there is an access log

struct ChildDescriptors {
  UniqueFd channel;
  UniqueFd log;     // invalid: the log is standard error
  UniqueFd access;  // invalid: there is no access log
  UniqueFd statm;   // /proc/self/statm, which may be unreachable after a chroot; invalid: there is no /proc
};

// Does, in this order: resets signals to their defaults (and ignores those meant for others), starts a new
// session, removes unlisted environment variables, drops OOM-killer protection, makes the scoreboard
// read-only except for the worker's own part, opens standard input on /dev/null, closes every foreign
// descriptor, sets the log identity, takes the user identity (identity.h), and sets the PR_SET_PDEATHSIG
// signal last, because a change of identity clears it (prctl(2)). SIGTERM stays blocked until the worker's
// event loop watches it. With worker.chroot, the folders of the services in `start` are renamed to their
// names inside the new root. Error: the child cannot become a worker and must exit with
// WorkerExit::kStartFailed.
Result<ChildDescriptors> SetUpChild(WorkerStart& start);

}  // namespace preforkd

#endif
