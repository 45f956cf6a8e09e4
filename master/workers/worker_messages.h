// WorkerMessages: receives, checks and handles the messages of workers.
//
// Messages are never trusted: an invalid one ends that worker, never the master.
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
  // Outcome of one attempt to receive. kConnection: a connection was handed back. kThread: an application
  // thread is free. kMessage: another message. kSilent: nothing to read. kNoRoom: no descriptor is free.
  enum class ReadResult { kConnection, kThread, kMessage, kSilent, kNoRoom };

  // `on_resume` is called when reading resumes after a pause for lack of descriptors.
  WorkerMessages(const SupervisorParts& parts, WorkerLogs& logs, std::function<void()> on_resume);

  // The slot's channel is readable: handles a limited number of messages, so that a flood delays nobody.
  // False: it brought only what Fleet need not know: connections, and free threads.
  bool OnReadable(WorkerSlot& slot);
  // Handles all messages that are left. kNoRoom: some stay in the channel, for lack of a descriptor.
  ReadResult DrainMessages(WorkerSlot& slot);
  // The worker has noted ends of connections that it does not have.
  void OnForgedNotes(WorkerProcess& worker);

 private:
  ReadResult ReceiveOne(WorkerSlot& slot);
  // A message may carry a descriptor; without room for it the kernel would drop it. False: no room. Then
  // reading pauses for all workers, and messages wait in the channels.
  bool MakeSureOfRoom(const WorkerProcess& worker);
  void PauseReading();
  void ResumeReading();
  ReadResult Handle(WorkerSlot& slot, WorkerToMaster message);
  bool OnHandBack(WorkerSlot& slot, HandedBack message);
  void OnReady(WorkerSlot& slot);
  void OnReplaceMe(const WorkerId& id);
  void MarkUntrusted(WorkerProcess& worker, const char* cause, const std::string& why);

  SupervisorParts parts_;
  WorkerLogs& logs_;
  std::function<void()> on_resume_;
  Timer listen_again_;
  OncePerSecond log_limit_;
};

}  // namespace preforkd

#endif
