// The only fork(2) of the program.
#ifndef PREFORKD_MASTER_SYSTEM_SPAWN_H_
#define PREFORKD_MASTER_SYSTEM_SPAWN_H_

#include <sys/types.h>

#include <csignal>
#include <functional>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

struct SpawnedProcess {
  pid_t pid = 0;
  UniqueFd pidfd;  // becomes readable when the process exits
};

// Forks. `child` runs in the new process with every signal blocked and must not return. All descriptors of
// the parent are open in the child (close-on-exec has no effect without an exec), so it must first close
// those that are not its own (worker/process/child_setup.cc). Error: EAGAIN (process limit), ENOMEM, EMFILE;
// then no child is left.
Result<SpawnedProcess> SpawnProcess(const std::function<void()>& child);

// Sends a signal to exactly this process (pidfd_send_signal(2)). `pidfd` is borrowed. False if it has exited,
// or if the system call fails, which is logged.
bool SignalProcess(int pidfd, int signo);

// Sends SIGKILL to a child that has not been waited for, and waits for its end. `pidfd` is borrowed.
siginfo_t KillAndAwait(int pidfd);

}  // namespace preforkd

#endif
