// ReadSmallFile: a whole regular file of bounded size. It never waits: a FIFO, a device or a folder is
// refused.
#ifndef PREFORKD_COMMON_FILES_SMALL_FILE_H_
#define PREFORKD_COMMON_FILES_SMALL_FILE_H_

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace preforkd {

// The error does not name the file.
Result<std::string> ReadSmallFile(const std::string& path, std::size_t max_bytes);

}  // namespace preforkd

#endif
