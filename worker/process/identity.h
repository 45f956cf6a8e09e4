// Who a worker is, and what it may use: settled once, for good, before it sees a client's first byte.
#ifndef PREFORKD_WORKER_PROCESS_IDENTITY_H_
#define PREFORKD_WORKER_PROCESS_IDENTITY_H_

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/identity_plan.h"

namespace preforkd {

// In this order, each step while what it needs is still there:
//   1. user and group are looked up, and the time zone is read: their files may not exist inside the new root
//   2. limits (a hard one can only be raised with privileges), supplementary groups (initgroups(3))
//   3. the new root, worker.chroot, which is the working directory too
//   4. the bounding set is emptied, group and user change, and every other set of capabilities is emptied:
//   also of who
//      was not root, and was given some
//   5. no program that it may execute can gain privileges (PR_SET_NO_NEW_PRIVS); no core, no debugger of the
//   same
//      user, and /proc/PID of a stranger unless worker.dumpable
// Clears the parent-death signal (prctl(2)). Runs in the child, single-threaded.
// Error: the user or group does not exist (any more), or the system refused.
Status TakeIdentity(const IdentityPlan& plan, const PoolSettings& config);

}  // namespace preforkd

#endif
