// AccessOf: who may connect to the Unix socket of a listener, with the names of its configuration looked up.
#ifndef PREFORKD_MASTER_ACCEPT_LISTEN_ACCESS_H_
#define PREFORKD_MASTER_ACCEPT_LISTEN_ACCESS_H_

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/net/socket_ops.h"

namespace preforkd {

// Error: its user or group does not exist (any more).
Result<SocketAccess> AccessOf(const ListenConfig& config);

}  // namespace preforkd

#endif
