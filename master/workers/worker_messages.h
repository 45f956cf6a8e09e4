// WorkerMessages: what workers say is received, checked and acted upon.
//
// A worker's words are checked and never trusted: nonsense ends that worker, never the master.
#ifndef PREFORKD_MASTER_WORKERS_WORKER_MESSAGES_H_
#define PREFORKD_MASTER_WORKERS_WORKER_MESSAGES_H_

#include <functional>
#include <string>

#include "common/event/timer.h"
#include "common/structures/rate_limit.h"
#include "master/workers/slots/supervisor_parts.h"
#include "master/workers/worker_logs.h"

namespace preforkd {

class WorkerMessages {
 public:
  // What became of an attempt to hear a worker.
  enum class ReadResult { kConnection, kMessage, kSilent, kNoRoom };

  // `on_resume`: after a pause for lack of descriptors all are listened to again.
  WorkerMessages(const SupervisorParts& parts, WorkerLogs& logs, std::function<void()> on_resume);

  // Something can be read from the slot's worker: some messages, so that one that floods delays nobody.
  // False: it has handed back connections at most, of which Fleet need not know.
  bool OnReadable(WorkerSlot& slot);
  // All that a worker has said. kNoRoom: a part of it waits in the channel, for lack of a descriptor.
  ReadResult DrainMessages(WorkerSlot& slot);

 private:
  ReadResult ReceiveOne(WorkerSlot& slot);
  // A message may bring a descriptor, and without room for it the kernel would close it. False: nobody is
  // listened to for a moment, and what they say waits in their channels.
  bool MakeSureOfRoom(const WorkerProcess& worker);
  void PauseReading();
  void ResumeReading();
  ReadResult Handle(WorkerSlot& slot, WorkerToMaster message);
  bool OnHandBack(WorkerSlot& slot, HandedBack message);
  void OnReady(WorkerSlot& slot);
  void OnReplaceMe(const WorkerId& id);
  void MarkUntrusted(WorkerProcess& worker, const std::string& why);

  SupervisorParts parts_;
  WorkerLogs& logs_;
  std::function<void()> on_resume_;
  Timer listen_again_;
  OncePerSecond log_limit_;
};

}  // namespace preforkd

#endif
