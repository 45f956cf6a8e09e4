// A process like a worker that is thrown away: it shows whether a pool can start, or what a module declares.
#ifndef PREFORKD_MASTER_SYSTEM_TRIAL_PROCESS_H_
#define PREFORKD_MASTER_SYSTEM_TRIAL_PROCESS_H_

#include <memory>

#include "common/config/config.h"
#include "common/gate/key_files.h"
#include "common/process/log_fds.h"
#include "common/process/preload_area.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/scoreboard.h"
#include "master/system/spawn.h"

namespace preforkd {

// Its slot, on a scoreboard that has no other.
inline constexpr Slot kTrialSlot{0};

// What such a process gets of a configuration.
struct TrialInputs {
  std::shared_ptr<const Config> config;
  const PoolConfig* pool = nullptr;             // one of `config`, with all its services
  std::shared_ptr<const KeyFiles> key_files{};  // for a gate; else nullptr
  Preloads preloads{};                          // of the services
};

// Forks, and runs `entry` with `inputs`. `board`: a new one, which must outlive the process. `channel`:
// borrowed. The process ends with the master. Error: see SpawnProcess.
Result<SpawnedProcess> SpawnTrial(const WorkerEntry& entry, const Scoreboard& board, int channel,
                                  const TrialInputs& inputs, const LogFds& logs);

}  // namespace preforkd

#endif
