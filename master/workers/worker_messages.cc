#include "master/workers/worker_messages.h"

#include <csignal>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/net/socket_ops.h"

namespace preforkd {
namespace {

// How long reading from all workers pauses when no descriptor is free.
constexpr Duration kListenPause = std::chrono::milliseconds(50);
// More than any channel can hold.
constexpr int kMostInChannel = 100'000;

// True if another message may follow.
bool IsMore(WorkerMessages::ReadResult heard) {
  using ReadResult = WorkerMessages::ReadResult;
  return heard == ReadResult::kConnection || heard == ReadResult::kThread || heard == ReadResult::kMessage;
}

}  // namespace

WorkerMessages::WorkerMessages(const SupervisorParts& parts, WorkerLogs& logs,
                               std::function<void()> on_resume)
    : parts_(parts),
      logs_(logs),
      on_resume_(std::move(on_resume)),
      listen_again_(parts.loop, EventLoop::kPriorityControl, [this] {
        ResumeReading();
        on_resume_();
      }) {}

// ---- receiving ----

bool WorkerMessages::OnReadable(WorkerSlot& slot) {
  bool for_fleet = false;
  ReadQuota& quota = slot.Process()->Quota();
  const int most = quota.Begin(Now());
  int read = 0;
  for (bool more = true; more && read < most; read += more ? 1 : 0) {
    const ReadResult heard = ReceiveOne(slot);
    for_fleet = for_fleet || heard == ReadResult::kMessage;
    more = IsMore(heard);
  }
  quota.End(read, Now());
  return for_fleet;
}

WorkerMessages::ReadResult WorkerMessages::DrainMessages(WorkerSlot& slot) {
  for (int i = 0; i < kMostInChannel; ++i) {
    const ReadResult heard = ReceiveOne(slot);
    if (!IsMore(heard)) return heard;
  }
  MarkUntrusted(*slot.Process(), "flood", "another process still sends on its channel");
  return ReadResult::kSilent;
}

WorkerMessages::ReadResult WorkerMessages::ReceiveOne(WorkerSlot& slot) {
  WorkerProcess& worker = *slot.Process();
  if (!MakeSureOfRoom(worker)) return ReadResult::kNoRoom;
  Reception<WorkerToMaster> reception = slot.Channel().Receive();
  switch (reception.outcome) {
    case Heard::kMessage: return Handle(slot, std::move(*reception.message));
    case Heard::kNothing: return ReadResult::kSilent;
    case Heard::kEnd:
      // The master holds the worker's end too, so the worker has shut down its side on purpose.
      MarkUntrusted(worker, "closed", "it has closed its channel");
      return ReadResult::kSilent;
    case Heard::kNonsense:
      MarkUntrusted(worker, "invalid_message", reception.why);
      return ReadResult::kSilent;
    case Heard::kNoDescriptor:  // not the worker's fault: our table is full, and the descriptor is gone
      if (reception.lost) parts_.ledger.ClientLost(slot.Number(), *reception.lost);
      if (const auto held_back = log_limit_.Allow(Now())) {
        log::Error({log::kDescriptorsShort, worker.Id(), {{"lost", 1}, {"suppressed", *held_back}}},
                   "a connection that the worker handed back is lost: no file descriptor was free");
      }
      break;
    case Heard::kError:
      if (const auto held_back = log_limit_.Allow(Now())) {
        log::Error({log::kWorkerUnreadable, worker.Id(), {{"suppressed", *held_back}}},
                   "cannot read from the worker: recvmsg: {}", ErrnoText(reception.errnum));
      }
      break;
  }
  PauseReading();
  return ReadResult::kNoRoom;
}

bool WorkerMessages::MakeSureOfRoom(const WorkerProcess& worker) {
  if (parts_.hooks.make_room()) return true;
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning({log::kDescriptorsShort, worker.Id(), {{"lost", 0}, {"suppressed", *held_back}}},
                 "no file descriptor is free for connections handed back: reading from workers pauses");
  }
  PauseReading();
  return false;
}

void WorkerMessages::PauseReading() {
  for (const auto& slot : parts_.slots.All()) {
    if (slot->Running()) (void)slot->Process()->SetReading(false);  // stopping a watch cannot fail
  }
  listen_again_.SetAfter(kListenPause);
}

void WorkerMessages::ResumeReading() {
  for (const auto& slot : parts_.slots.All()) {
    if (!slot->Running()) continue;
    const Status status = slot->Process()->SetReading(true);
    if (status.Ok()) continue;
    if (const auto held_back = log_limit_.Allow(Now())) {
      log::Error({log::kWorkerUnreadable, slot->Process()->Id(), {{"suppressed", *held_back}}},
                 "cannot watch the channel of the worker, will retry: {}", status.Err().text);
    }
    listen_again_.SetAfter(kListenPause);
  }
}

// ---- acting ----

WorkerMessages::ReadResult WorkerMessages::Handle(WorkerSlot& slot, WorkerToMaster message) {
  WorkerProcess& worker = *slot.Process();
  const WorkerId id = std::visit([](const auto& any) { return any.id; }, message);
  if (id != worker.Id()) {
    MarkUntrusted(worker, "other_worker", fmt::format("it speaks for {}", id));
    return ReadResult::kSilent;
  }
  if (auto* hand_back = std::get_if<HandedBack>(&message)) {
    return OnHandBack(slot, std::move(*hand_back)) ? ReadResult::kConnection : ReadResult::kSilent;
  }
  // Not limited (flood.h): the flush that follows looks at the rows that have changed.
  if (std::holds_alternative<ThreadFree>(message)) {
    parts_.ledger.ClientsNoted(slot.Number());
    return ReadResult::kThread;
  }
  if (!worker.MaySpeak(Now())) {
    MarkUntrusted(worker, "flood", "it floods the channel");
    return ReadResult::kSilent;
  }
  if (std::holds_alternative<Ready>(message)) {
    OnReady(slot);
  } else if (const auto* reopened = std::get_if<LogReopened>(&message)) {
    logs_.OnReopened(id, reopened->round);
  } else {
    OnReplaceMe(id);
  }
  return ReadResult::kMessage;
}

bool WorkerMessages::OnHandBack(WorkerSlot& slot, HandedBack message) {
  WorkerProcess& worker = *slot.Process();
  // The descriptor will be watched and given to other workers: it must be one that we could have given out.
  if (!slot.Channel().MayHandBack()) {
    MarkUntrusted(worker, "too_many", "it hands back more than it was given");
    return false;
  }
  if (!slot.Channel().Knows(message.parcel)) {
    if (IsStreamConnection(message.parcel.fd.Get())) {
      MarkUntrusted(worker, "unknown_connection", "it hands back a connection that is not one of ours");
    } else {
      MarkUntrusted(worker, "no_client", "it hands back a descriptor that is not a client connection");
    }
    return false;
  }
  StopLingering(message.parcel.fd.Get());
  slot.Channel().CountReturned(message.reason);
  parts_.ledger.ClientBack(message.parcel.Id());
  parts_.Page().load_marks.Mark(slot.Number());
  parts_.hooks.on_hand_back(std::move(message));
  return true;
}

void WorkerMessages::OnReady(WorkerSlot& slot) {
  const WorkerProcess& worker = *slot.Process();
  const Time now = Now();
  parts_.fleet.Ready(worker.Id(), now);
  parts_.Publish(slot);
  const WorkerRecord& record = *parts_.fleet.Find(worker.Id());
  if (record.state != WorkerState::kReady) return;  // told to retire before it was ready
  const double took = Seconds(now - worker.StartedAt()) * 1e3;
  if (const auto since = std::exchange(slot.lacks_worker_since, std::nullopt)) {
    const double gap = Seconds(now - *since) * 1e3;
    log::Info({log::kWorkerReady,
               worker.Id(),
               {{"worker_pid", worker.Pid()}, {"ms", took}, {"ms_since_exit", gap}}},
              "worker is ready after {:.1f} ms, {:.1f} ms after the exit of its predecessor", took, gap);
  } else {
    log::Info({log::kWorkerReady, worker.Id(), {{"worker_pid", worker.Pid()}, {"ms", took}}},
              "worker is ready after {:.1f} ms", took);
  }
  // A worker of a starting generation gets no connections before its promotion.
  if (record.generation != parts_.generations.InService()) return;
  parts_.dispatcher.AddSlot(record.pool, slot.Number(), slot.Channel());
}

void WorkerMessages::OnReplaceMe(const WorkerId& id) {
  log::Notice({log::kWorkerAsksReplacement, id}, "worker asks to be replaced");
  if (parts_.fleet.Replace(id, Now())) Add(parts_.Page().recycled[RecycleReason::kAsked]);
}

void WorkerMessages::OnForgedNotes(WorkerProcess& worker) {
  if (!worker.Untrusted())
    MarkUntrusted(worker, "forged_notes", "it notes ends of connections that it does not have");
}

void WorkerMessages::MarkUntrusted(WorkerProcess& worker, const char* cause, const std::string& why) {
  log::Error(
      {log::kWorkerUntrusted, worker.Id(), {{"worker_pid", worker.Pid()}, {"cause", cause}, {"why", why}}},
      "worker violated the protocol, sending SIGKILL: {}", why);
  worker.MarkUntrusted();
  worker.Signal(SIGKILL);
}

}  // namespace preforkd
