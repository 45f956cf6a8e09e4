#include "worker/process/identity.h"

#include <fmt/core.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <optional>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/authority.h"

namespace preforkd {
namespace {

struct Ids {
  std::optional<uid_t> user;  // unset: unchanged
  gid_t group = 0;
};

Result<Ids> FindIds(const PoolSettings& config) {
  Ids ids{std::nullopt, ::getgid()};
  if (!config.user.empty()) {
    errno = 0;
    // Single-threaded, and the result is copied at once.
    const passwd* entry = ::getpwnam(config.user.c_str());
    if (entry == nullptr && errno != 0) return SysError("getpwnam", config.user);
    if (entry == nullptr) return Error{fmt::format("user '{}' does not exist", config.user), 0};
    ids = {entry->pw_uid, entry->pw_gid};
  }
  if (!config.group.empty()) {
    errno = 0;
    const struct group* entry = ::getgrnam(config.group.c_str());
    if (entry == nullptr && errno != 0) return SysError("getgrnam", config.group);
    if (entry == nullptr) return Error{fmt::format("group '{}' does not exist", config.group), 0};
    ids.group = entry->gr_gid;
  }
  return ids;
}

// A value of 0 leaves the limit unchanged. Exceeding the hard limit needs a privilege; without it the hard
// limit stays.
template <typename Resource>  // glibc's enumeration type, whose name is reserved
Status Limit(Resource resource, std::uint64_t value, const char* key) {
  if (value == 0) return {};
  rlimit limit{value, value};
  if (::setrlimit(resource, &limit) == 0) return {};
  rlimit now{};
  if (errno != EPERM || ::getrlimit(resource, &now) < 0) return SysError("setrlimit", key);
  log::Warning({log::kWorkerUnprotected, {{"protection", key}}},
               "{} = {} is above the hard limit {}, which is used instead", key, value, now.rlim_max);
  now.rlim_cur = now.rlim_max;
  if (::setrlimit(resource, &now) < 0) return SysError("setrlimit", key);
  return {};
}

Status SetLimits(const WorkerConfig& config) {
  if (Status status = Limit(RLIMIT_NOFILE, config.max_files, "worker.max_files"); !status.Ok()) return status;
  if (Status status = Limit(RLIMIT_CORE, config.max_core, "worker.max_core"); !status.Ok()) return status;
  return Limit(RLIMIT_AS, config.max_address_space, "worker.max_address_space");
}

Status JoinGroups(const std::string& user, gid_t group) {
  if (!user.empty()) {
    if (::initgroups(user.c_str(), group) < 0) return SysError("initgroups", user);
  } else if (::setgroups(1, &group) < 0) {
    return SysError("setgroups");
  }
  return {};
}

Status EnterRoot(const std::string& folder) {
  if (::chroot(folder.c_str()) < 0) return SysError("chroot", folder);
  // Otherwise the working directory would be a way out of the new root.
  if (::chdir("/") < 0) return SysError("chdir", folder);
  return {};
}

// Clears the bounding set, which limits what an execve(2) can grant. Without CAP_SETPCAP the set stays as it
// is; PR_SET_NO_NEW_PRIVS makes that harmless.
Status ClearBoundingSet() {
  // The kernel may know more capabilities than our headers: it returns EINVAL after the last one.
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return SysError("prctl", "PR_CAPBSET_DROP");
  }
  return {};
}

// Clears permitted, effective and inheritable, and with them ambient, which is a subset of those
// (capabilities(7)).
Status DropCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::syscall(SYS_capset, &header, none.data()) < 0) return SysError("capset");
  return {};
}

Status BecomeUser(const Ids& ids, const std::string& name) {
  // Group first: without root it could no longer be changed.
  if (::setresgid(ids.group, ids.group, ids.group) < 0) return SysError("setresgid");
  if (ids.user && ::setresuid(*ids.user, *ids.user, *ids.user) < 0) return SysError("setresuid", name);
  return {};
}

Status LockDown(bool dumpable) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return SysError("prctl", "PR_SET_NO_NEW_PRIVS");
  if (::prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0) < 0) return SysError("prctl", "PR_SET_DUMPABLE");
  return {};
}

}  // namespace

Status TakeIdentity(const IdentityPlan& plan, const PoolConfig& config) {
  ::tzset();
  Ids ids;
  if (plan.change_ids) {
    const Result<Ids> found = FindIds(config);
    if (!found.Ok()) return found.Err();
    ids = found.Value();
  }
  Status status = SetLimits(config.worker);
  if (status.Ok() && plan.change_ids) status = JoinGroups(config.user, ids.group);
  if (status.Ok() && plan.change_root) status = EnterRoot(config.worker.chroot);
  if (status.Ok() && OwnAuthority().shed_bounding) status = ClearBoundingSet();
  if (status.Ok() && plan.change_ids) status = BecomeUser(ids, config.user);
  if (status.Ok()) status = DropCapabilities();
  const bool dumpable = config.worker.dumpable && config.kind != PoolKind::kTls;
  return status.Ok() ? LockDown(dumpable) : status;
}

}  // namespace preforkd
