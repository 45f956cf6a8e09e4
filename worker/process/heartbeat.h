// Heartbeat: the worker's periodic report in the scoreboard: time, memory and CPU use. Owned by the worker.
#ifndef PREFORKD_WORKER_PROCESS_HEARTBEAT_H_
#define PREFORKD_WORKER_PROCESS_HEARTBEAT_H_

#include <functional>

#include "common/base/unique_fd.h"
#include "common/event/timer.h"
#include "common/process/heap_trim.h"
#include "worker/connection/connection_table.h"
#include "worker/connection/worker_env.h"

namespace preforkd {

class Heartbeat {
 public:
  // `statm`: /proc/self/statm. `on_beat` is called after each beat.
  Heartbeat(WorkerEnv& env, UniqueFd statm, ConnectionTable& connections, std::function<void()> on_beat);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  // Makes the first report and schedules the next ones.
  void Beat();
  // Updates only the heartbeat time.
  void Stamp();

 private:
  WorkerEnv& env_;
  UniqueFd statm_;
  ConnectionTable& connections_;
  std::function<void()> on_beat_;
  HeapTrim heap_;
  Timer timer_;
};

}  // namespace preforkd

#endif
