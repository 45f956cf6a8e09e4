// MasterParts: the parts that the master is composed of, for those who carry out its changes. Borrowed:
// Master owns them.
#ifndef PREFORKD_MASTER_MASTER_PARTS_H_
#define PREFORKD_MASTER_MASTER_PARTS_H_

#include "common/base/ids.h"
#include "common/event/event_loop.h"
#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"
#include "master/change_runner.h"
#include "master/control_sockets.h"
#include "master/dispatcher.h"
#include "master/generations.h"
#include "master/listener_set.h"
#include "master/log_output.h"
#include "master/parking.h"
#include "master/pid_files.h"
#include "master/program.h"
#include "master/service_environment.h"
#include "master/service_manager.h"
#include "master/supervisor.h"
#include "master/waiters.h"

namespace preforkd {

// What the master is given.
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
  Ledger& ledger;
  Dispatcher& dispatcher;
  Parking& parking;
  ListenerSet& listeners;
  Supervisor& supervisor;
  ServiceManager& manager;
  Generations& generations;
  ControlSockets& control;
  ConnId& last_conn;
  Waiters& waiters;
  ChangeRunner& changes;
};

}  // namespace preforkd

#endif
