// The exec of an upgrade: this process becomes another program and keeps descriptors under their numbers.
//
// All descriptors are close-on-exec at all times. Only between SetCloseOnExec(fds, false) and the exec, those
// that the next program needs are not. Master only.
#ifndef PREFORKD_MASTER_UPGRADE_REPLACE_H_
#define PREFORKD_MASTER_UPGRADE_REPLACE_H_

#include <string>
#include <vector>

#include "common/base/result.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

// Sets or clears close-on-exec. Error: the first descriptor that is not open; the others are still changed.
Status SetCloseOnExec(const std::vector<int>& fds, bool on);

// Executes the program at `path` with the arguments `words` (program name first) and the order to restore
// `state`. All signals are blocked until the new program has installed its handlers. Returns only on failure,
// with everything as before.
Error ReplaceProgram(const std::string& path, const std::vector<std::string>& words,
                     const UpgradeState& state);

}  // namespace preforkd

#endif
