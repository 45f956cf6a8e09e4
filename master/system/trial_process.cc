#include "master/system/trial_process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace preforkd {

Result<SpawnedProcess> SpawnTrial(const WorkerEntry& entry, const Scoreboard& board, int channel,
                                  const TrialInputs& inputs, const LogFds& logs) {
  (void)board.Use(kTrialSlot);
  WorkerStart start;
  start.id = {kTrialSlot, Incarnation{1}};
  start.generation = Generation{1};
  start.master_pid = ::getpid();
  start.channel = channel;
  start.logs = logs;
  start.parent_exit_signal = SIGKILL;  // one that hangs at its start handles no other signal
  start.scoreboard = &board;
  start.config = inputs.config;
  start.pool = inputs.pool;
  start.key_files = inputs.key_files;
  start.preloads = inputs.preloads;
  for (const ServiceConfig& service : inputs.config->services) {
    if (service.pool == inputs.pool->name)
      start.services.emplace_back(static_cast<ServiceId>(start.services.size()), &service);
  }
  return SpawnProcess([&] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // until the process sets it itself
    entry(std::move(start));
  });
}

}  // namespace preforkd
