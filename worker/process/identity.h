// The identity and limits of a worker. They are set once, before it reads any client data.
#ifndef PREFORKD_WORKER_PROCESS_IDENTITY_H_
#define PREFORKD_WORKER_PROCESS_IDENTITY_H_

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/identity_plan.h"

namespace preforkd {

// Performs these steps; each needs something that a later step removes:
//   1. look up user and group, and read the time zone: their files may not exist inside the new root
//   2. set limits (raising a hard limit needs privileges) and supplementary groups (initgroups(3))
//   3. enter the new root, worker.chroot, and make it the working directory
//   4. clear the bounding set, change group and user, clear all other capability sets, even if not root
//   5. keep programs that it executes from gaining privileges (PR_SET_NO_NEW_PRIVS); without
//      worker.dumpable, no core, no debugger of the same user, and no access to /proc/PID by other users. A
//      gate is never dumpable: it has the private keys
// Clears PR_SET_PDEATHSIG (prctl(2)). Runs in the child, single-threaded. Error: the user or group
// does not exist, or a system call failed.
Status TakeIdentity(const IdentityPlan& plan, const PoolConfig& config);

}  // namespace preforkd

#endif
