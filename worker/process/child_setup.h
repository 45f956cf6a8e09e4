// The child's first page: what a freshly forked process does before it is a worker.
//
// It comes from fork without exec, so it holds everything the master holds: clients, listeners, the channels
// of all other workers, the master's epoll. Each would keep a client's connection open, or hide the master's
// death from a sibling. So the first thing is to close all of it, without touching the inherited event loop:
// that shares its epoll with the master.
#ifndef PREFORKD_WORKER_PROCESS_CHILD_SETUP_H_
#define PREFORKD_WORKER_PROCESS_CHILD_SETUP_H_

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/process/worker_start.h"

namespace preforkd {

// Where a worker's descriptors are, by number: the whole of its table before its loop opens its own.
inline constexpr int kChannelFd = 3;
inline constexpr int kLogFd = 4;     // only when the log is a file
inline constexpr int kAccessFd = 5;  // only when there is an access log

struct ChildDescriptors {
  UniqueFd channel;
  UniqueFd log;     // invalid: the log is standard error
  UniqueFd access;  // invalid: there is no access log
  UniqueFd statm;   // /proc/self/statm, which the new root may not have; invalid: there is no /proc
};

// In this order: signals to their defaults (those that are none of a worker's business ignored), a session of
// its own, the environment without what is not listed, no protection from the OOM killer, the scoreboard but
// for its own part read-only, standard input from /dev/null, every foreign descriptor closed, the log's
// identity, the user's identity (identity.h), then the parent-death signal, which a change of identity would
// have cleared (prctl(2)). SIGTERM stays blocked until the worker's loop watches it. Where the worker gets a
// root of its own (worker.chroot), the folders of `start`'s services are renamed to what they are called in
// there. Error: the child cannot be a worker, and must exit with WorkerExit::kStartFailed.
Result<ChildDescriptors> SetUpChild(WorkerStart& start);

}  // namespace preforkd

#endif
