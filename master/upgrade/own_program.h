// OwnProgram: the file that this process was started from, and the path at which an upgrade looks for the
// next one. Master only.
#ifndef PREFORKD_MASTER_UPGRADE_OWN_PROGRAM_H_
#define PREFORKD_MASTER_UPGRADE_OWN_PROGRAM_H_

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// An absolute path with symbolic links kept: a link may point to another version at the next upgrade. Taken
// from getauxval(3), AT_EXECFN; otherwise from /proc/self/exe. Call it before the working directory changes.
std::string PathOfOwnProgram();

// Sets the name that ps(1) and pgrep(1) show to the last component of `path`. exec sets it too, but to a
// descriptor number if the program was run from a descriptor (way_back.cc).
void NameProcessAfter(const std::string& path);

// Opens the running file itself, even if another file is at its path now. Close-on-exec. Error: open(2)'s.
Result<UniqueFd> OpenOwnProgram();

}  // namespace preforkd

#endif
