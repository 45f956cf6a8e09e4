// The new program's side of a preflight: would an upgrade to it do? Runs in a child of the old master, in
// place of everything else, and touches nothing that is not its own: it reads the state, checks the
// configuration, binds for a moment the addresses that are new, and starts one worker as a test.
#ifndef PREFORKD_MASTER_UPGRADE_TRIAL_H_
#define PREFORKD_MASTER_UPGRADE_TRIAL_H_

#include <memory>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/worker_start.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

// Every connection that the state holds can be read.
Status TryConnections(const UpgradeState& state);

// Addresses of `config` that the master does not listen on yet can be bound; sockets of a service manager are
// there.
Status TryListeners(const Config& config, const UpgradeState& state);

// A worker of each pool becomes ready, and is killed. Each has its start_timeout, or kTrialTimeout.
inline constexpr Duration kTrialTimeout = std::chrono::seconds(6);
Status TryWorkers(const std::shared_ptr<const Config>& config, const WorkerEntry& worker);

}  // namespace preforkd

#endif
