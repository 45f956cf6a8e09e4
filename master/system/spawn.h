// The one fork(2) of the program.
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
  UniqueFd pidfd;  // readable when the process has ended
};

// Forks; `child` runs in the new process with every signal blocked, and must not return. What the parent has
// open is open in the child too: close-on-exec does nothing without an exec, so the child's first act must be
// to close what is not its own (worker/process/child_setup.cc).
// Error: EAGAIN (process limit), ENOMEM, EMFILE; nothing is left behind then.
Result<SpawnedProcess> SpawnProcess(const std::function<void()>& child);

// Sends a signal to a process, surely to that one and no other (pidfd_send_signal(2)). `pidfd` is borrowed.
// False when it has ended already, or when the system refuses, which is logged.
bool SignalProcess(int pidfd, int signo);

// SIGKILL to a child that nobody has waited for yet, and the wait for its end. `pidfd` is borrowed.
siginfo_t KillAndAwait(int pidfd);

}  // namespace preforkd

#endif
