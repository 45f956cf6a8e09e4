// What is done about the identity of workers, and what cannot be. Pure: who we are and what is wanted in, a
// plan and its words out. The worker does it (worker/process/identity.h), the master says it once.
#ifndef PREFORKD_COMMON_PROCESS_IDENTITY_PLAN_H_
#define PREFORKD_COMMON_PROCESS_IDENTITY_PLAN_H_

#include <string>

#include "common/config/config.h"
#include "common/process/authority.h"

namespace preforkd {

struct IdentityPlan {
  bool change_ids = false;   // to the configured user and group
  bool change_root = false;  // to worker.chroot
  // One line for who operates the server: what is not as it should be. Empty: nothing.
  std::string remark;
};

// As root everything is tried, and what fails ends the worker: nobody may take root's worker for a user's.
// Who is not root does what it has the capabilities for.
IdentityPlan PlanIdentity(const PoolSettings& config, const Authority& authority);

// The same for system calls: empty, or why they are not filtered although they should be.
std::string FilterRemark(const PoolSettings& config, bool filters_exist);

}  // namespace preforkd

#endif
