#include "master/workers/worker_exits.h"

#include <string>

#include "common/base/exit_code.h"
#include "master/workers/reports/line_rescue.h"

namespace preforkd {

void WorkerExits::OnExit(WorkerSlot& slot) {
  if (slot.Process()->Reap()) FinishEnded();
}

bool WorkerExits::ReapChildren() {
  bool workers = false;
  while (const std::optional<pid_t> pid = parts_.spawner.EndedChild()) {
    WorkerSlot* const worker = parts_.slots.FindRunning(*pid);
    if (worker != nullptr) {
      workers = true;
      OnExit(*worker);  // must be reaped: waitid would return the same child again
    } else if (!parts_.hooks.on_other_child(*pid)) {
      parts_.spawner.ReapOther(*pid);
    }
  }
  return workers;
}

void WorkerExits::FinishEnded() {
  for (std::size_t i = 0; i < parts_.slots.All().size(); ++i) {  // the table may grow in the loop
    WorkerSlot& slot = *parts_.slots.All()[i];
    if (slot.Process() == nullptr || slot.Running()) continue;
    const bool heard =
        slot.Process()->Untrusted() || messages_.DrainMessages(slot) != WorkerMessages::ReadResult::kNoRoom;
    parts_.dispatcher.RemoveSlot(slot.Number());  // after its messages: Ready would add the slot
    if (heard) FinishExit(slot);
  }
}

void WorkerExits::FinishExit(WorkerSlot& slot) {
  const WorkerProcess& worker = *slot.Process();
  const WorkerId id = worker.Id();
  const WorkerRecord record = *parts_.fleet.Find(id);
  if (record.state == WorkerState::kStarting && record.extra) extras_.StartFailed(record.pool, Now());
  logs_.OnGone(id);
  const bool served = Get(slot.Row().finished) + Get(slot.Row().handed_back) > 0;
  const std::string why = WhyNotReady(worker.Exit(), slot.Row().startup.Read());
  RescueAccessLines(slot);
  reports_.Report(slot, record.state);
  // The channel of an untrusted worker may hold forged messages, which would be attributed to the next
  // worker.
  if (worker.Untrusted()) slot.DropChannel();
  parts_.ledger.ClientsEnded(slot.Number());
  if (record.state != WorkerState::kRetiring) slot.lacks_worker_since = Now();
  slot.Vacate();
  parts_.fleet.Exited(id, served, why, Now());
  if (!parts_.fleet.Find(id)->wanted) slot.lacks_worker_since.reset();  // no worker will follow
  parts_.Publish(slot);
}

void WorkerExits::RescueAccessLines(WorkerSlot& slot) {
  const LineBuffer lines = slot.Mirror() == nullptr ? parts_.scoreboard.Lines(slot.Number())
                                                    : slot.Mirror()->Board()->Lines(slot.Number());
  RescueLines(slot.Process()->Id(), lines, logs_.Fds().access);
}

}  // namespace preforkd
