// WorkerStart: everything that the master gives to a freshly forked worker. The interface between the two:
// the master fills it and calls a WorkerEntry, and knows nothing else of workers.
#ifndef PREFORKD_COMMON_PROCESS_WORKER_START_H_
#define PREFORKD_COMMON_PROCESS_WORKER_START_H_

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/unique_fd.h"
#include "common/config/config.h"
#include "common/gate/certificate_facts.h"
#include "common/gate/key_files.h"
#include "common/process/log_fds.h"
#include "common/process/preload_area.h"
#include "common/scoreboard/module_counters.h"
#include "common/scoreboard/scoreboard.h"
#include "common/wire/messages.h"
#include "common/wire/parcel.h"

namespace preforkd {

struct WorkerStart {
  WorkerId id;
  Generation generation{};
  pid_t master_pid = 0;
  int channel = -1;                  // borrowed from the master's table; the child takes it over
  LogFds logs;                       // borrowed likewise
  int parent_exit_signal = SIGTERM;  // sent when the process that forked it exits
  bool detached = false;  // --daemonize: release standard output and error, which belong to the caller
  const Scoreboard* scoreboard = nullptr;
  std::shared_ptr<const Config> config;
  const PoolConfig* pool = nullptr;  // of `config`: the pool of this worker
  // Of a gate: the certificates, and the key of tickets (TicketPage), borrowed; -1: no tickets.
  std::shared_ptr<const KeyFiles> key_files;
  int ticket_page = -1;
  // What is known of the certificates, for status and metrics; nullptr: nothing.
  std::shared_ptr<const AllCertificateFacts> certificates;
  // The services of that pool, each with the number that parcels use for it.
  std::vector<std::pair<ServiceId, const ServiceConfig*>> services;
  // The numbers of their counters, for ModuleCounters. Without an entry: the service has none, or this worker
  // only tries whether it can start.
  std::map<ServiceId, CounterNumbers> counters;
  // What the modules of its generation have preloaded, of other pools too. Of a service that lacks it, the
  // worker loads for itself.
  Preloads preloads;
};

// Runs in the child, right after fork, with every signal blocked. Never returns.
using WorkerEntry = std::function<void(WorkerStart)>;

}  // namespace preforkd

#endif
