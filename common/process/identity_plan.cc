#include "common/process/identity_plan.h"

#include <fmt/core.h>

namespace preforkd {
namespace {

// The configured changes that are not made: "user and worker.chroot".
std::string Undone(const PoolSettings& config, const IdentityPlan& plan) {
  std::string keys;
  const auto add = [&keys](bool undone, const char* key) {
    if (undone) keys += fmt::format("{}{}", keys.empty() ? "" : " and ", key);
  };
  add(!plan.change_ids && !config.user.empty(), "user");
  add(!plan.change_ids && !config.group.empty(), "group");
  add(!plan.change_root && !config.worker.chroot.empty(), "worker.chroot");
  return keys;
}

}  // namespace

IdentityPlan PlanIdentity(const PoolSettings& config, const Authority& authority) {
  IdentityPlan plan;
  const bool ids_wanted = !config.user.empty() || !config.group.empty();
  plan.change_ids = ids_wanted && (authority.IsRoot() || authority.change_ids);
  plan.change_root = !config.worker.chroot.empty() && (authority.IsRoot() || authority.change_root);
  if (authority.IsRoot()) {
    if (config.user.empty()) {
      plan.remark = "user is not set: workers stay root, though without its capabilities";
      plan.cause = "no_user";
      plan.missing = "user";
    }
    return plan;
  }
  if (plan.change_ids) return plan;
  plan.cause = "not_root";
  plan.missing = Undone(config, plan);
  plan.remark = fmt::format("not started as root: workers are the same user as the master, uid {}{}",
                            authority.user, plan.missing.empty() ? "" : "; not in force: " + plan.missing);
  return plan;
}

std::string FilterRemark(const PoolSettings& config, bool filters_exist) {
  if (filters_exist || config.worker.seccomp == CallFilter::kOff) return {};
  return "this kernel has no seccomp filters, or forbids them: workers may make every system call";
}

}  // namespace preforkd
