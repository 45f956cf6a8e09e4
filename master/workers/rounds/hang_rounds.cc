#include "master/workers/rounds/hang_rounds.h"

#include <algorithm>
#include <csignal>

#include "common/base/log.h"

namespace preforkd {

Duration HangRounds::Timeout() const {
  return parts_.generations.Of(parts_.fleet.Current()).config->supervision.hang_timeout;
}

Duration HangRounds::Interval() const {
  return HangWatch::Interval(Timeout());
}

void HangRounds::Judge(Time now) {
  const Duration timeout = Timeout();
  if (watch_.BeginRound(timeout, now)) log::Notice("the master was paused: every worker gets a fresh period");
  for (const WorkerRecord& record : parts_.fleet.Records()) {
    if (record.state != WorkerState::kReady && record.state != WorkerState::kRetiring) continue;
    WorkerSlot& slot = parts_.slots.Of(record.slot);
    if (slot.Running()) Judge(slot, timeout, now);
  }
}

void HangRounds::Judge(WorkerSlot& slot, Duration timeout, Time now) {
  WorkerProcess& worker = *slot.Process();
  const auto beat = FromNanoseconds(static_cast<std::int64_t>(Get(slot.Row().heartbeat_ns)));
  // One that is told to leave while it starts has not beaten yet.
  const Time heartbeat = std::max(worker.StartedAt(), beat);
  switch (watch_.Judge(worker.Hang(), heartbeat, timeout, now)) {
    case HangWatch::Verdict::kFine:
      break;
    case HangWatch::Verdict::kAbort:
      log::Error("worker {} pid {} has not answered for {:.1f} s and gets SIGABRT; it is doing: {}",
                 worker.Id(), worker.Pid(), Seconds(now - HangWatch::SilentSince(heartbeat)),
                 slot.Row().DescribeDoing(ToNanoseconds(now)));
      worker.Signal(SIGABRT);
      break;
    case HangWatch::Verdict::kKill:
      log::Error("worker {} pid {} has outlived SIGABRT and gets SIGKILL", worker.Id(), worker.Pid());
      worker.Signal(SIGKILL);
      break;
  }
}

}  // namespace preforkd
