// Takes the tree of a configuration file apart into settings of a Draft, and judges its shape: what is a
// section, what is a list of sections, what is a key.
#ifndef PREFORKD_COMMON_CONFIG_FILE_WALK_H_
#define PREFORKD_COMMON_CONFIG_FILE_WALK_H_

#include "common/config/draft.h"
#include "common/config/toml_reader.h"

namespace preforkd {

void ApplyFile(const TomlNode& document, Draft& draft);

}  // namespace preforkd

#endif
