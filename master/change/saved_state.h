// The state of the whole master, saved for the program after it and restored from the program before it. What
// is in it says upgrade/upgrade_state.h; each part saves and restores its own.
#ifndef PREFORKD_MASTER_CHANGE_SAVED_STATE_H_
#define PREFORKD_MASTER_CHANGE_SAVED_STATE_H_

#include <string>
#include <vector>

#include "master/change/config_applier.h"
#include "master/change/master_parts.h"

namespace preforkd {

// `path`: of this program. Precondition: Supervisor::PrepareSave() or a state that nobody resumes from.
Result<UpgradeState> SaveState(const MasterParts& parts, const std::string& path);

// The requests that wait for the outcome of the upgrade. Precondition: `parts.generations` is restored.
// Error: something could not be taken over; the process must become the other program again.
Result<std::vector<WaiterId>> RestoreState(const MasterParts& parts, ConfigApplier& applier,
                                           const UpgradeState& state);

}  // namespace preforkd

#endif
