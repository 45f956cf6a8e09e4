// Reads the bytes of a configuration file: whole, of one moment, and only if it can be one.
//
// Never waits and never reads much: a FIFO, a device, a folder or a file that is too large is refused at
// once, because the master that reloads is the one that accepts.
#ifndef PREFORKD_COMMON_CONFIG_SOURCE_FILE_H_
#define PREFORKD_COMMON_CONFIG_SOURCE_FILE_H_

#include <optional>
#include <string>

#include "common/config/problems.h"

namespace preforkd {

// nullopt: one problem was added. A problem of the file as a whole points at its first line.
std::optional<std::string> ReadSourceFile(const std::string& path, Problems& problems);

}  // namespace preforkd

#endif
