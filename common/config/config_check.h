// What no key can tell by itself: whether the values fit each other, this version and this machine.
//
// Looks at the machine (folders, accounts) and changes nothing on it.
#ifndef PREFORKD_COMMON_CONFIG_CONFIG_CHECK_H_
#define PREFORKD_COMMON_CONFIG_CONFIG_CHECK_H_

#include <string>
#include <vector>

#include "common/config/draft.h"

namespace preforkd {

// Adds what it finds to the draft's problems. `service_types`: those that this program has.
void CheckConfig(const std::vector<std::string>& service_types, Draft& draft);

}  // namespace preforkd

#endif
