#include "worker/identity.h"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <optional>

#include "common/base/sys_error.h"

namespace preforkd {
namespace {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
};

Result<User> FindUser(const std::string& name) {
  errno = 0;
  const passwd* entry = ::getpwnam(name.c_str());  // one thread, and the result is copied at once
  if (entry == nullptr && errno != 0) return SysError("getpwnam", name);
  if (entry == nullptr) return Error{fmt::format("user '{}' does not exist", name), 0};
  return User{entry->pw_uid, entry->pw_gid};
}

Result<gid_t> FindGroup(const std::string& name) {
  errno = 0;
  const struct group* entry = ::getgrnam(name.c_str());
  if (entry == nullptr && errno != 0) return SysError("getgrnam", name);
  if (entry == nullptr) return Error{fmt::format("group '{}' does not exist", name), 0};
  return entry->gr_gid;
}

Status BecomeGroup(const std::string& user, gid_t gid) {
  if (!user.empty()) {
    if (::initgroups(user.c_str(), gid) < 0) return SysError("initgroups", user);
  } else if (::setgroups(1, &gid) < 0) {
    return SysError("setgroups");
  }
  if (::setresgid(gid, gid, gid) < 0) return SysError("setresgid");
  return {};
}

}  // namespace

Status DropIdentity(const std::string& user, const std::string& group) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return SysError("prctl", "PR_SET_NO_NEW_PRIVS");
  if (::geteuid() != 0 || (user.empty() && group.empty())) return {};
  std::optional<uid_t> uid;
  gid_t gid = ::getgid();
  if (!user.empty()) {
    const Result<User> found = FindUser(user);
    if (!found.Ok()) return found.Err();
    uid = found.Value().uid;
    gid = found.Value().gid;
  }
  if (!group.empty()) {
    const Result<gid_t> found = FindGroup(group);
    if (!found.Ok()) return found.Err();
    gid = found.Value();
  }
  // Groups first: without root they could not be changed any more.
  if (Status status = BecomeGroup(user, gid); !status.Ok()) return status;
  if (uid && ::setresuid(*uid, *uid, *uid) < 0) return SysError("setresuid", user);
  // The change of identity has cleared it, and with it the core of a crash (prctl(2)).
  if (::prctl(PR_SET_DUMPABLE, 1) < 0) return SysError("prctl", "PR_SET_DUMPABLE");
  return {};
}

}  // namespace preforkd
