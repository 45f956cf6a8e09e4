// Spawner: how worker processes begin and end. The only way from here to processes, so that a test can take
// the place of the system: deaths, floods and hangs then happen in one process (tests/loopback/supervisor_*).
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

  // Error: no process has begun.
  virtual Result<SpawnedProcess> Spawn(WorkerStart start) = 0;
  // False: it has ended already, or the system refuses, which is logged.
  virtual bool Signal(const SpawnedProcess& process, int signo) = 0;
  // Waits for a process that has ended. nullopt: it still runs. Once it has answered, the pid is nobody's.
  virtual std::optional<ExitReport> Reap(const SpawnedProcess& process) = 0;
  // SIGKILL, and the wait for the end.
  virtual void KillAndReap(const SpawnedProcess& process) = 0;

  // Any child of this process that has ended and that nobody has waited for; nullopt: there is none.
  [[nodiscard]] virtual std::optional<pid_t> EndedChild() = 0;
  // Waits for such a child that is no worker.
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
