// Who a worker is: the configured user and group, for good.
#ifndef PREFORKD_WORKER_IDENTITY_H_
#define PREFORKD_WORKER_IDENTITY_H_

#include <string>

#include "common/base/result.h"

namespace preforkd {

// As root: becomes `user` with its supplementary groups, and `group` if given (else the user's own). An empty
// `user` with a `group` changes the group only; both empty: stays as it is. Not as root: stays as it is.
// In every case no program that this process may execute can gain privileges (PR_SET_NO_NEW_PRIVS).
// Error: the user or group does not exist (any more), or the system refused.
Status DropIdentity(const std::string& user, const std::string& group);

}  // namespace preforkd

#endif
