// OwnProgram: the file that this process was started from, by the path under which its successor will lie.
// Master only.
#ifndef PREFORKD_MASTER_UPGRADE_OWN_PROGRAM_H_
#define PREFORKD_MASTER_UPGRADE_OWN_PROGRAM_H_

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// Absolute, and not resolved: who starts a link may let it point to another version later. From getauxval(3),
// AT_EXECFN; what the kernel says of the running file where that does not help. Call it before the working
// directory changes.
std::string PathOfOwnProgram();

// The name of this process as ps(1) and pgrep(1) know it, from a path. exec sets it, but from the number of a
// descriptor where the program was run from one (way_back.cc).
void NameProcessAfter(const std::string& path);

// The very file that runs, whatever lies at its path by now. Close-on-exec. Error: open(2)'s.
Result<UniqueFd> OpenOwnProgram();

}  // namespace preforkd

#endif
