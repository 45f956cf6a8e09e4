#include "master/accept/listen_access.h"

#include "common/base/accounts.h"

namespace preforkd {

Result<SocketAccess> AccessOf(const ListenConfig& config) {
  SocketAccess access;
  access.mode = config.mode.value_or(access.mode);
  if (!config.user.empty()) {
    const Result<uid_t> user = UserNumber(config.user);
    if (!user.Ok()) return Error{config.address.text + ": user: " + user.Err().text, user.Err().errnum};
    access.user = user.Value();
  }
  if (!config.group.empty()) {
    const Result<gid_t> group = GroupNumber(config.group);
    if (!group.Ok()) return Error{config.address.text + ": group: " + group.Err().text, group.Err().errnum};
    access.group = group.Value();
  }
  return access;
}

}  // namespace preforkd
