// Saves the state of the whole master for the next program, and restores it from the previous program.
// upgrade/state/upgrade_state.h lists the fields; each part saves and restores its own.
#ifndef PREFORKD_MASTER_CHANGE_SAVED_STATE_H_
#define PREFORKD_MASTER_CHANGE_SAVED_STATE_H_

#include <string>
#include <vector>

#include "master/change/config_applier.h"
#include "master/change/master_parts.h"
#include "master/upgrade/state/secret_file.h"

namespace preforkd {

// `path`: the file of this program. `secrets` gets the connections under TLS, and must outlive the result;
// nullptr: the state is only checked, and zeros stand for their keys. Precondition:
// Supervisor::PrepareSave(), unless it is only checked. Descriptors in the result are borrowed.
Result<UpgradeState> SaveState(const MasterParts& parts, const std::string& path, SecretFile* secrets);

// Takes over the descriptors in `state`. Returns the requests that wait for the outcome of the upgrade.
// Precondition: `parts.generations` is restored.
// Error: something could not be restored; the process must return to the previous program.
Result<std::vector<WaiterId>> RestoreState(const MasterParts& parts, ConfigApplier& applier,
                                           const UpgradeState& state);

}  // namespace preforkd

#endif
