// Worker: one process that serves. Takes one parcel at a time, begins to serve it at once, then takes the next.
//
// Owns the connections and the services. Leaves when it has been told to (end of file on the channel, which is
// also what the master's death looks like) and has finished what it had.
#ifndef PREFORKD_WORKER_PROCESS_WORKER_H_
#define PREFORKD_WORKER_PROCESS_WORKER_H_

#include <map>
#include <memory>
#include <optional>

#include "common/base/exit_code.h"
#include "common/event/signal_watch.h"
#include "common/event/timer.h"
#include "common/process/heap_trim.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/ledger.h"
#include "common/structures/rate_limit.h"
#include "worker/connection/access_log.h"
#include "worker/connection/connection_table.h"
#include "worker/connection/service.h"
#include "worker/connection/worker_env.h"
#include "worker/process/child_setup.h"
#include "worker/process/crowding.h"
#include "worker/process/master_link.h"

namespace preforkd {

// What the master calls in the child: sets the process up, runs a Worker with `types`, and exits.
WorkerEntry MakeWorkerEntry(ServiceTypes types);

class Worker : private LiveConnection::Owner {
 public:
  Worker(EventLoop& loop, WorkerStart start, ChildDescriptors descriptors);

  // Makes the services, says that it is ready, serves. Returns when it is to exit.
  WorkerExit Run(const ServiceTypes& types);

 private:
  // What a worker has open beside its clients, generously; and a client may have a file open.
  static constexpr std::uint64_t kOwnDescriptors = 24;
  static constexpr std::uint64_t kDescriptorsPerConnection = 2;

  Status MakeServices(const ServiceTypes& types);
  void OnSignal(int signo);
  void OnChannel();
  void TakeSome(std::uint64_t descriptor_limit);
  // False when there is nothing more to take now.
  bool TakeOne();
  // Is there room for another connection, and for a file that it may ask for? If not, stops taking until there
  // may be: what is not taken stays safe in the channel, and the master gives it to others.
  bool MakeSureOfRoom();
  // Takes nothing for a moment: the system has no room.
  void PauseTaking();
  void TakeAgain();
  void LoseUntaken();
  void Serve(Parcel parcel);
  void ReopenLogFile(ReopenLog message);
  void StartAccessLog(UniqueFd file);
  void Retire();
  // Hands a connection back, if its session lets it travel; false when it must stay, or ends in a moment.
  bool HandBackIdle(LiveConnection& connection, ReturnReason reason);
  // Places are short: ends the clients that have kept theirs for longest without moving on.
  void MakeRoom();
  // Looks after a moment whether it must, where there are so many connections that it may.
  void WatchCrowd(std::uint64_t descriptor_limit);
  [[nodiscard]] Crowd CurrentCrowd(std::uint64_t descriptor_limit) const;
  // More than its share of all connections: hands back what can travel of the surplus.
  void ShedSurplus();
  [[nodiscard]] std::uint64_t SurplusSlack() const;
  void LeaveIfDone();
  void CountUnreturned();
  void Abort(WorkerExit code);
  void StampHeartbeat();
  void Beat();
  void OnConnectionClosed(LiveConnection& connection) override;
  void OnConnectionIdle(LiveConnection& connection) override;

  WorkerStart start_;
  UniqueFd log_file_;
  UniqueFd statm_;
  std::unique_ptr<WorkerEnv> env_;
  std::optional<AccessLog> access_;
  Tally tally_;
  MasterLink master_;
  std::unique_ptr<SignalWatch> signals_;
  std::map<ServiceId, std::unique_ptr<Service>> services_;
  CallSets calls_;  // what the services ask for
  ConnectionTable connections_;
  HeapTrim heap_;
  Timer heartbeat_;
  Timer drain_deadline_;
  Timer take_again_;  // pending while this process has no descriptor to spare
  Timer make_room_;
  OncePerSecond log_limit_;
  OncePerSecond crowd_log_;
  WorkerExit exit_ = WorkerExit::kRetired;
  bool leaving_ = false;  // nothing more to do: the loop ends after this turn
};

}  // namespace preforkd

#endif
