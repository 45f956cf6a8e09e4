// The one fork(2) of the program.
#ifndef PREFORKD_MASTER_SPAWN_H_
#define PREFORKD_MASTER_SPAWN_H_

#include <sys/types.h>

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
// to close what is not its own (worker/child_setup.cc).
// Error: EAGAIN (process limit), ENOMEM, EMFILE; nothing is left behind then.
Result<SpawnedProcess> SpawnProcess(const std::function<void()>& child);

}  // namespace preforkd

#endif
