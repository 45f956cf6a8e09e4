#include "master/change/service_health.h"

#include "common/base/log.h"
#include "master/policy/service_state.h"

namespace preforkd {

bool CanServe(const Supervisor& supervisor) {
  return supervisor.Count(WorkerState::kReady) + supervisor.Count(WorkerState::kStarting) > 0;
}

void JudgeService(const MasterParts& parts) {
  MasterPage& page = parts.context.Page();
  const MasterState state = page.state.load(std::memory_order_relaxed);
  if (state != MasterState::kServing && state != MasterState::kDegraded) return;
  const ServiceState now = state == MasterState::kServing ? ServiceState::kServing : ServiceState::kDegraded;
  const ServiceState next = NextServiceState(now, parts.supervisor.CountInService(WorkerState::kReady),
                                             parts.supervisor.CountInService(WorkerState::kStarting));
  if (next == now) return;
  if (next == ServiceState::kDegraded) {
    log::Error("degraded: no worker is ready and none can be started for now; clients wait");
  } else {
    log::Notice("a worker is ready again: no longer degraded");
  }
  const MasterState published = next == ServiceState::kDegraded ? MasterState::kDegraded : MasterState::kServing;
  page.state.store(published, std::memory_order_relaxed);
  parts.supervisor.PublishState(published);
}

}  // namespace preforkd
