// Applies what does not come from the file: variables, and flags that stand for keys.
#ifndef PREFORKD_COMMON_CONFIG_OVERRIDES_H_
#define PREFORKD_COMMON_CONFIG_OVERRIDES_H_

#include <vector>

#include "common/config/config_loader.h"
#include "common/config/draft.h"

namespace preforkd {

// `key` of each as EnvironmentOverrides left it: what it names depends on the services that there are by now.
void ApplyEnvironment(const std::vector<ConfigOverride>& environment, Draft& draft);

// `key` of each as it stands in the file, dots included.
void ApplyFlags(const std::vector<ConfigOverride>& flags, Draft& draft);

}  // namespace preforkd

#endif
