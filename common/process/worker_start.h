// WorkerStart: everything a freshly forked worker is given. The seam between master and worker: the master
// fills it and calls a WorkerEntry, and knows no more of workers than that.
#ifndef PREFORKD_COMMON_PROCESS_WORKER_START_H_
#define PREFORKD_COMMON_PROCESS_WORKER_START_H_

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/unique_fd.h"
#include "common/config/config.h"
#include "common/process/log_fds.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/messages.h"
#include "common/wire/parcel.h"

namespace preforkd {

struct WorkerStart {
  WorkerId id;
  Generation generation{};
  pid_t master_pid = 0;
  int channel = -1;                  // borrowed from the master's table; the child makes it its own
  LogFds logs;                       // borrowed likewise
  int parent_exit_signal = SIGTERM;  // when the process that forked it has died
  bool detached = false;  // --daemonize: let go of standard output and error, which are the caller's
  const Scoreboard* scoreboard = nullptr;
  std::shared_ptr<const Config> config;
  const PoolConfig* pool = nullptr;  // of `config`: what this worker is
  // The number under which parcels name each service of that pool.
  std::vector<std::pair<ServiceId, const ServiceConfig*>> services;
};

// Runs in the child, right after fork, with every signal blocked. Never returns.
using WorkerEntry = std::function<void(WorkerStart)>;

}  // namespace preforkd

#endif
