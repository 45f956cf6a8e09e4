// The saved state between two programs: a sealed memfd, which survives an exec and has no name that another
// process could open.
#ifndef PREFORKD_MASTER_UPGRADE_STATE_STATE_FILE_H_
#define PREFORKD_MASTER_UPGRADE_STATE_STATE_FILE_H_

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// Writes `bytes` to a new memfd, close-on-exec. Error: no memory, or a limit on file size.
Result<UniqueFd> WriteStateFile(const std::string& bytes);
// Reads the whole file, independent of the file offset. `fd` is borrowed. Error: it is not such a file.
Result<std::string> ReadStateFile(int fd);

}  // namespace preforkd

#endif
