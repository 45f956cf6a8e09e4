// The keys that the server itself gives to a service of type "module". The module adds its own.
#ifndef PREFORKD_WORKER_MODULE_MODULE_SETTINGS_H_
#define PREFORKD_WORKER_MODULE_MODULE_SETTINGS_H_

#include <vector>

#include "common/config/setting.h"

namespace preforkd {

// `path`; and, which a module with a protocol of its own does not have (DeclareModule): `threads` (number, 1
// to 64), `request_timeout` (duration, 10ms to 24h), and PlacedHttpSettingTable(). Only with
// a preload: `preload_max` (size) and `preload_timeout` (duration).
const std::vector<Setting>& ModuleSettingTable();

}  // namespace preforkd

#endif
