// MasterParts: the parts of the master, borrowed by the classes that carry out its changes. Master owns them
// and outlives the borrowers.
#ifndef PREFORKD_MASTER_CHANGE_MASTER_PARTS_H_
#define PREFORKD_MASTER_CHANGE_MASTER_PARTS_H_

#include "common/event/event_loop.h"
#include "common/process/program.h"
#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"
#include "master/accept/listener_set.h"
#include "master/change/change_runner.h"
#include "master/change/generations.h"
#include "master/change/waiters.h"
#include "master/control/control_sockets.h"
#include "master/dispatch/pool_dispatchers.h"
#include "master/parking/parking.h"
#include "master/system/log_output.h"
#include "master/system/pid_files.h"
#include "master/system/service_environment.h"
#include "master/system/service_manager.h"
#include "master/workers/supervisor.h"

namespace preforkd {

// What the master is given by its creator.
struct MasterContext {
  EventLoop& loop;
  const Scoreboard& scoreboard;
  LogOutput& log;
  const Program& program;
  const ServiceEnvironment& environment;

  [[nodiscard]] MasterPage& Page() const { return scoreboard.Master(); }
};

struct MasterParts {
  const MasterContext& context;
  PidFiles& pid_files;
  MasterBounds& clients;
  Ledger& ledger;
  PoolDispatchers& dispatcher;
  Parking& parking;
  ListenerSet& listeners;
  Supervisor& supervisor;
  ServiceManager& manager;
  Generations& generations;
  ControlSockets& control;
  Waiters& waiters;
  ChangeRunner& changes;
};

}  // namespace preforkd

#endif
