// Worker: one process that serves. Takes one parcel at a time, begins to serve it at once, then takes the next.
//
// Owns the connections and the services. Leaves when it has been told to (end of file on the channel, which is
// also what the master's death looks like) and has finished what it had.
#ifndef PREFORKD_WORKER_WORKER_H_
#define PREFORKD_WORKER_WORKER_H_

#include <map>
#include <memory>

#include "common/base/exit_code.h"
#include "common/event/signal_watch.h"
#include "common/event/timer.h"
#include "common/process/worker_start.h"
#include "worker/connection_table.h"
#include "worker/master_link.h"
#include "worker/service.h"
#include "worker/worker_env.h"

namespace preforkd {

// What the master calls in the child: sets the process up, runs a Worker with `types`, and exits.
WorkerEntry MakeWorkerEntry(ServiceTypes types);

class Worker : private Connection::Owner {
 public:
  Worker(EventLoop& loop, WorkerStart start, UniqueFd channel, UniqueFd log_file);

  // Makes the services, says that it is ready, serves. Returns when it is to exit.
  WorkerExit Run(const ServiceTypes& types);

 private:
  Status MakeServices(const ServiceTypes& types);
  void OnSignal(int signo);
  void OnChannel();
  // False when there is nothing more to take now.
  bool TakeOne();
  void Serve(Parcel parcel);
  void ReopenLogFile(ReopenLog message);
  void Retire();
  // Hands an idle connection back; false when it must stay.
  bool HandBackIdle(Connection& connection);
  void LeaveIfDone();
  void Abort(WorkerExit code);
  void Beat();
  void OnConnectionClosed(Connection& connection) override;

  WorkerStart start_;
  UniqueFd log_file_;
  std::unique_ptr<WorkerEnv> env_;
  MasterLink master_;
  std::unique_ptr<SignalWatch> signals_;
  std::map<ServiceId, std::unique_ptr<Service>> services_;
  ConnectionTable connections_;
  Timer heartbeat_;
  Timer drain_deadline_;
  WorkerExit exit_ = WorkerExit::kRetired;
  bool leaving_ = false;  // nothing more to do: the loop ends after this turn
};

}  // namespace preforkd

#endif
