#include "tests/support/pool_kill.h"

#include <doctest/doctest.h>
#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <vector>

#include "tests/support/wait_until.h"

namespace preforkd::testing {

void KillPool(DaemonProcess& daemon, const std::string& pool, std::size_t size, std::size_t all) {
  REQUIRE(daemon.AwaitWorkers(all));
  const std::vector<WorkerLife> ready = daemon.ReadyWorkers();
  std::vector<pid_t> pids;
  for (const LogEntry& entry : daemon.Events("worker_started pool=" + pool)) {
    const auto pid = static_cast<pid_t>(entry.Number("worker_pid"));
    if (std::any_of(ready.begin(), ready.end(), [&](const WorkerLife& life) { return life.pid == pid; }))
      pids.push_back(pid);
  }
  REQUIRE(pids.size() == size);
  daemon.ExpectEvent(fmt::format("worker_exited exit=SIGKILL pool={}", pool));
  for (const pid_t pid : pids) REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(WaitUntil(kTimeout, [&] {
    const std::vector<WorkerLife> now = daemon.ReadyWorkers();
    return now.size() == all && std::none_of(now.begin(), now.end(), [&](const WorkerLife& life) {
             return std::find(pids.begin(), pids.end(), life.pid) != pids.end();
           });
  }));
}

}  // namespace preforkd::testing
