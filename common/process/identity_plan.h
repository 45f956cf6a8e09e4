// Which changes of identity workers make, and which they cannot make. Pure: takes the configuration and our
// authority, returns a plan and its remark. The worker executes the plan (worker/process/identity.h); the
// master logs the remark once.
#ifndef PREFORKD_COMMON_PROCESS_IDENTITY_PLAN_H_
#define PREFORKD_COMMON_PROCESS_IDENTITY_PLAN_H_

#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/process/authority.h"

namespace preforkd {

struct IdentityPlan {
  bool change_ids = false;   // to the configured user and group
  bool change_root = false;  // to worker.chroot
  // For the log, one line: which configured isolation is not in force. Empty: all of it is.
  std::string remark;
  // The same as fields of its log line: "no_user" or "not_root", and the settings that are not in force.
  std::string_view cause;
  std::string missing;
};

// As root everything configured is tried, and a failure ends the worker: a worker must never run as root in
// place of its user. Without root, the plan has the changes that our capabilities allow.
IdentityPlan PlanIdentity(const PoolSettings& config, const Authority& authority);

// The same for system calls: empty, or why they are not filtered although they should be.
std::string FilterRemark(const PoolSettings& config, bool filters_exist);

}  // namespace preforkd

#endif
