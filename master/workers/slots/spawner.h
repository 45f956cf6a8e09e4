// Spawner: starts, signals and reaps worker processes. The supervisor's only access to processes, so a test
// can replace it and have crashes, floods and hangs in one process (tests/loopback/supervisor_*).
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_SPAWNER_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_SPAWNER_H_

#include <sys/types.h>

#include <optional>
#include <utility>

#include "common/base/exit_code.h"
#include "common/base/result.h"
#include "common/process/worker_start.h"
#include "master/system/spawn.h"

namespace preforkd {

class Spawner {
 public:
  virtual ~Spawner() = default;

  // `start` runs in the child. Error: no process was started.
  virtual Result<SpawnedProcess> Spawn(WorkerStart start) = 0;
  // False: the process has exited already, or the system refuses the signal, which is logged.
  virtual bool Signal(const SpawnedProcess& process, int signo) = 0;
  // Reaps a process that has exited; nullopt: it still runs. After a report its pid may be reused.
  virtual std::optional<ExitReport> Reap(const SpawnedProcess& process) = 0;
  // Sends SIGKILL, waits for the exit and reaps.
  virtual void KillAndReap(const SpawnedProcess& process) = 0;

  // Any child of this process that has exited and was not reaped; nullopt: none.
  [[nodiscard]] virtual std::optional<pid_t> EndedChild() = 0;
  // Reaps such a child that is not a worker.
  virtual void ReapOther(pid_t pid) = 0;
};

// The real one: fork(2), pidfd_send_signal(2), waitid(2).
class ForkSpawner : public Spawner {
 public:
  // `worker` runs in the child and never returns.
  explicit ForkSpawner(WorkerEntry worker) : worker_(std::move(worker)) {}

  Result<SpawnedProcess> Spawn(WorkerStart start) override;
  bool Signal(const SpawnedProcess& process, int signo) override;
  std::optional<ExitReport> Reap(const SpawnedProcess& process) override;
  void KillAndReap(const SpawnedProcess& process) override;
  [[nodiscard]] std::optional<pid_t> EndedChild() override;
  void ReapOther(pid_t pid) override;

 private:
  WorkerEntry worker_;
};

}  // namespace preforkd

#endif
