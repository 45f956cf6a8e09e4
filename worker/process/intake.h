// Intake: takes messages from the channel, a bounded number per turn of the event loop, and passes them to
// the worker (Sink). Owned by the worker.
//
// It takes nothing without room for another descriptor. An untaken message is safe in the channel, and the
// master can give it to another worker; a descriptor received into a full table is lost.
#ifndef PREFORKD_WORKER_PROCESS_INTAKE_H_
#define PREFORKD_WORKER_PROCESS_INTAKE_H_

#include <cstdint>
#include <string>

#include "common/event/timer.h"
#include "common/structures/rate_limit.h"
#include "common/wire/messages.h"
#include "worker/connection/connection_table.h"
#include "worker/process/connection_returns.h"
#include "worker/process/master_link.h"

namespace preforkd {

class Intake {
 public:
  class Sink {
   public:
    virtual void OnParcel(Parcel parcel) = 0;
    virtual void OnReopenLog(ReopenLog message) = 0;
    virtual void OnNudge() = 0;
    // The kernel dropped the client's descriptor on receipt: the connection was taken, and is lost.
    // `id`: of the connection, if that could be read.
    virtual void OnLostDescriptor(std::optional<ConnId> id) = 0;
    // End of file: the master has told the worker to retire, or has ended.
    virtual void OnEnd() = 0;
    // A message that no master sends.
    virtual void OnNonsense(const std::string& why) = 0;

   protected:
    ~Sink() = default;
  };

  // The arguments must outlive this object.
  Intake(WorkerEnv& env, MasterLink& master, ConnectionTable& connections, ConnectionReturns& returns,
         Sink& sink);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // Called when the channel is readable.
  void TakeSome(std::uint64_t descriptor_limit);

 private:
  // False if there is nothing more to take now.
  bool TakeOne();
  void Deliver(MasterToWorker message);
  // True if there is room for another connection and a file it may request. If not, pauses.
  bool EnsureRoom();
  // Takes nothing for a short time: no descriptors or memory.
  void Pause();
  void TakeAgain();

  WorkerEnv& env_;
  MasterLink& master_;
  ConnectionTable& connections_;
  ConnectionReturns& returns_;
  Sink& sink_;
  Timer take_again_;  // pending while this process has no free descriptor
  OncePerSecond log_limit_;
};

}  // namespace preforkd

#endif
