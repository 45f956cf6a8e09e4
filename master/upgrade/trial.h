// The new program's side of a preflight: checks whether an upgrade to this program would work. Runs in a
// child of the old master, instead of serving. It reads the state, checks the configuration, binds new
// addresses for a moment, and starts one worker per pool as a test. It changes nothing that belongs to the
// old master.
#ifndef PREFORKD_MASTER_UPGRADE_TRIAL_H_
#define PREFORKD_MASTER_UPGRADE_TRIAL_H_

#include <memory>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/config_loader.h"
#include "common/process/preload_area.h"
#include "common/process/worker_start.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

// Error: one of the saved connections cannot be decoded.
Status TryConnections(const UpgradeState& state);

// Error: an address of `config` that the master does not listen on yet cannot be bound, a socket of the
// service manager is missing, or the permissions of a socket file cannot be set.
Status TryListeners(const Config& config, const UpgradeState& state);

// Starts a worker of each pool, with what its modules have preloaded, waits until it is ready, and kills it.
// Each may take its start_timeout, at most kTrialTimeout. Error: the first that did not become ready; if a
// module is the cause, it begins with the place that names the module. Precondition: the configuration was
// accepted.
inline constexpr Duration kTrialTimeout = std::chrono::seconds(6);
Status TryWorkers(const ConfigOutcome& outcome, const Preloads& preloads, const WorkerEntry& worker);

}  // namespace preforkd

#endif
