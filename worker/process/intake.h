// Intake: takes what the master sends from the channel, a bounded number in each turn of the loop. Owned by
// the worker, which receives what is taken (Sink).
//
// It takes nothing while there is no room for another descriptor: what is not taken stays safe in the
// channel, and the master gives it to others. A descriptor that is received into a full table is lost.
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
    // The kernel has closed the client's descriptor: taken, and lost.
    virtual void OnLostDescriptor() = 0;
    // End of file: the master has told the worker to leave, or is gone.
    virtual void OnEnd() = 0;
    // What no master sends.
    virtual void OnNonsense(const std::string& why) = 0;

   protected:
    ~Sink() = default;
  };

  // All outlive it.
  Intake(WorkerEnv& env, MasterLink& master, ConnectionTable& connections, ConnectionReturns& returns,
         Sink& sink);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // The channel has something.
  void TakeSome(std::uint64_t descriptor_limit);

 private:
  // False when there is nothing more to take now.
  bool TakeOne();
  void Deliver(MasterToWorker message);
  // Is there room for another connection, and for a file that it may ask for? If not, stops taking until
  // there may be.
  bool MakeSureOfRoom();
  // Takes nothing for a moment: the system has no room.
  void Pause();
  void TakeAgain();

  WorkerEnv& env_;
  MasterLink& master_;
  ConnectionTable& connections_;
  ConnectionReturns& returns_;
  Sink& sink_;
  Timer take_again_;  // pending while this process has no descriptor to spare
  OncePerSecond log_limit_;
};

}  // namespace preforkd

#endif
