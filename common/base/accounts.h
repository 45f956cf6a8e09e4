// Users and groups of the system, looked up by name. A look-up may read a file or ask a network (NSS), and
// may block: call it at start, for --check and at a reload only.
#ifndef PREFORKD_COMMON_BASE_ACCOUNTS_H_
#define PREFORKD_COMMON_BASE_ACCOUNTS_H_

#include <sys/types.h>

#include <string>

#include "common/base/result.h"

namespace preforkd {

// Error: no account has that name, or the name service cannot be asked. The text does not name the
// configuration key.
Result<uid_t> UserNumber(const std::string& name);
Result<gid_t> GroupNumber(const std::string& name);

}  // namespace preforkd

#endif
