// Worker: one serving process. It takes one parcel at a time (Intake), starts to serve it at once, then takes
// the next.
//
// Owns the connections, the services and the objects that manage them. On end of file on the channel (the
// master has told it to retire, or has ended) it finishes its connections and leaves (Retirement).
#ifndef PREFORKD_WORKER_PROCESS_WORKER_H_
#define PREFORKD_WORKER_PROCESS_WORKER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/exit_code.h"
#include "common/event/signal_watch.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/ledger.h"
#include "worker/connection/access_log.h"
#include "worker/connection/connection_table.h"
#include "worker/connection/service.h"
#include "worker/connection/worker_env.h"
#include "worker/gate/gate_service.h"
#include "worker/process/child_setup.h"
#include "worker/process/connection_returns.h"
#include "worker/process/crowd_control.h"
#include "worker/process/heartbeat.h"
#include "worker/process/intake.h"
#include "worker/process/master_link.h"
#include "worker/process/retirement.h"

namespace preforkd {

// Returns the function that the master calls in the child: it sets up the process, runs a Worker with
// `types`, and exits.
WorkerEntry MakeWorkerEntry(ServiceTypes types);

class Worker : private LiveConnection::Owner, private Intake::Sink {
 public:
  // `gate`: of a gate, what it makes handshakes with.
  Worker(EventLoop& loop, WorkerStart start, ChildDescriptors descriptors, std::optional<GateInputs> gate);

  // Creates the services, reports ready and serves. Returns when the process should exit.
  WorkerExit Run(const ServiceTypes& types);

 private:
  Status MakeServices(const ServiceTypes& types);
  void StartAccessLog(UniqueFd file);
  void OnSignal(int signo);
  void AskReplacement(const char* why);
  Status MakeGate();
  // The one that goes on with `parcel`; nullptr: this worker has none for it.
  Service* ServiceFor(const Parcel& parcel);
  // MasterCalls::thread_free
  void TellFreeThread();
  // Reads the file of a heavy connection. False: the bytes are lost, and so is the connection.
  bool LoadUnread(Parcel& parcel, Luggage& luggage);
  void OnChannel();
  // Closes a connection whose TLS state nobody can go on from.
  void LoseUnusable(ConnId id, const Error& error);
  // Books a connection that was closed before its session began.
  void Lose(ConnId id);
  // Intake::Sink
  void OnParcel(Parcel parcel) override;
  void OnReopenLog(ReopenLog message) override;
  void OnNudge() override;
  void OnLostDescriptor(std::optional<ConnId> id) override;
  void OnEnd() override;
  void OnNonsense(const std::string& why) override;
  // LiveConnection::Owner
  void OnConnectionClosed(LiveConnection& connection) override;
  void OnConnectionIdle(LiveConnection& connection) override;

  WorkerStart start_;
  UniqueFd log_file_;
  std::unique_ptr<WorkerEnv> env_;
  std::optional<AccessLog> access_;
  Tally tally_;
  MasterLink master_;
  std::unique_ptr<SignalWatch> signals_;
  bool asked_replacement_ = false;
  std::map<ServiceId, std::unique_ptr<Service>> services_;
  std::optional<GateInputs> gate_inputs_;  // until the gate is made
  std::unique_ptr<Service> gate_;          // of a gate, which has no services
  CallSets calls_;                         // the union of what the services need
  ConnectionTable connections_;
  ConnectionReturns returns_;
  Retirement retirement_;
  CrowdControl crowd_;
  Intake intake_;
  Heartbeat heartbeat_;
};

}  // namespace preforkd

#endif
