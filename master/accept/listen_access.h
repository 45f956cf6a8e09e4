// AccessOf resolves the user and group names that a listener's configuration gives for its Unix socket file.
#ifndef PREFORKD_MASTER_ACCEPT_LISTEN_ACCESS_H_
#define PREFORKD_MASTER_ACCEPT_LISTEN_ACCESS_H_

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/net/socket_ops.h"

namespace preforkd {

// Error: the configured user or group does not exist.
Result<SocketAccess> AccessOf(const ListenConfig& config);

}  // namespace preforkd

#endif
