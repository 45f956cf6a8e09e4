// Users and groups of the system by name. Asks the name service, which may be a file or a network: at start,
// for --check and at a reload only.
#ifndef PREFORKD_COMMON_BASE_ACCOUNTS_H_
#define PREFORKD_COMMON_BASE_ACCOUNTS_H_

#include <sys/types.h>

#include <string>

#include "common/base/result.h"

namespace preforkd {

// Error: there is none of that name, or the name service could not be asked; without the key that names it.
Result<uid_t> UserNumber(const std::string& name);
Result<gid_t> GroupNumber(const std::string& name);

}  // namespace preforkd

#endif
