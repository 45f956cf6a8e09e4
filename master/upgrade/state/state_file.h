// The state between two programs: a memfd, which survives an exec and has no name that anybody else could
// open.
#ifndef PREFORKD_MASTER_UPGRADE_STATE_STATE_FILE_H_
#define PREFORKD_MASTER_UPGRADE_STATE_STATE_FILE_H_

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// Close-on-exec until somebody says otherwise. Error: memory, or a limit on the size of files.
Result<UniqueFd> WriteStateFile(const std::string& bytes);
// All of it, whatever has been read before. `fd` is borrowed. Error: it is not such a file.
Result<std::string> ReadStateFile(int fd);

}  // namespace preforkd

#endif
