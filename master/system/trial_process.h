// A process like a worker that is thrown away: it shows whether a pool can start, or what a module declares.
#ifndef PREFORKD_MASTER_SYSTEM_TRIAL_PROCESS_H_
#define PREFORKD_MASTER_SYSTEM_TRIAL_PROCESS_H_

#include <memory>

#include "common/config/config.h"
#include "common/process/log_fds.h"
#include "common/process/preload_area.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/scoreboard.h"
#include "master/system/spawn.h"

namespace preforkd {

// Its slot, on a scoreboard that has no other.
inline constexpr Slot kTrialSlot{0};

// Forks, and runs `entry` with all services of `pool`, which is one of `config`, and with what they have
// preloaded. `board`: a new one, which must outlive the process. `channel`: borrowed. The process ends with
// the master. Error: see SpawnProcess.
Result<SpawnedProcess> SpawnTrial(const WorkerEntry& entry, const Scoreboard& board, int channel,
                                  const std::shared_ptr<const Config>& config, const PoolConfig& pool,
                                  const Preloads& preloads, const LogFds& logs);

}  // namespace preforkd

#endif
