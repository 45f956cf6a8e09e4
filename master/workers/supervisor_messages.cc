// Supervisor, the part that listens: what a worker says is decoded, checked and acted upon. Nonsense ends that
// worker.
#include <fcntl.h>

#include <csignal>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/net/socket_ops.h"
#include "master/workers/supervisor.h"

namespace preforkd {
namespace {

// Packets read from one worker in one turn of the loop, so that one that floods delays nobody.
constexpr int kMessagesPerTurn = 64;
// How long to listen to nobody when the system has no room for what they say.
constexpr Duration kListenPause = std::chrono::milliseconds(50);

}  // namespace

void Supervisor::OnMessages(WorkerSlot& slot) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    if (ReceiveOne(slot) != Hearing::kMessage) break;
  }
  Settle();
}

bool Supervisor::MakeSureOfRoom(const WorkerSlot& slot) {
  if (hooks_.make_room()) return true;
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Warning(
        "no descriptor is free for what worker {} hands back: not listening for now ({} more such lines held "
        "back)",
        slot.Id(), *held_back);
  }
  PauseListening();
  return false;
}

void Supervisor::PauseListening() {
  for (const auto& slot : slots_) (void)slot->SetListening(false);  // to stop a watch cannot fail
  listen_again_.SetAfter(kListenPause);
}

void Supervisor::ListenToAll() {
  for (const auto& slot : slots_) {
    const Status status = slot->SetListening(true);
    if (status.Ok()) continue;
    if (const auto held_back = log_limit_.Allow(Now())) {
      log::Error("worker {} is not heard, trying again: {} ({} more such lines held back)", slot->Id(),
                 status.Err().text, *held_back);
    }
    listen_again_.SetAfter(kListenPause);
  }
}

Supervisor::Hearing Supervisor::HearOut(WorkerSlot& slot) {
  Hearing heard = Hearing::kMessage;
  while (heard == Hearing::kMessage) heard = ReceiveOne(slot);
  return heard;
}

Supervisor::Hearing Supervisor::ReceiveOne(WorkerSlot& slot) {
  if (!MakeSureOfRoom(slot)) return Hearing::kNoRoom;
  Reception<WorkerToMaster> reception = slot.Channel().Receive();
  switch (reception.outcome) {
    case Heard::kMessage: return Handle(slot, std::move(*reception.message)) ? Hearing::kMessage : Hearing::kSilent;
    case Heard::kNothing: return Hearing::kSilent;
    case Heard::kEnd:
      // We hold the worker's end too, so this is a worker that has shut down its side on purpose.
      Distrust(slot, "it has closed its channel");
      return Hearing::kSilent;
    case Heard::kNonsense:
      Distrust(slot, reception.why);
      return Hearing::kSilent;
    case Heard::kNoDescriptor:  // our table, not its lie: the client's descriptor is gone
      if (const auto held_back = log_limit_.Allow(Now())) {
        log::Error("worker {}: a connection was handed back and no descriptor was free ({} more such lines held back)",
                   slot.Id(), *held_back);
      }
      break;
    case Heard::kError:
      if (const auto held_back = log_limit_.Allow(Now())) {
        log::Error("worker {}: recvmsg: {} ({} more such lines held back)", slot.Id(),
                   ErrnoText(reception.errnum), *held_back);
      }
      break;
  }
  PauseListening();
  return Hearing::kNoRoom;
}

bool Supervisor::Handle(WorkerSlot& slot, WorkerToMaster message) {
  const WorkerId id = std::visit([](const auto& any) { return any.id; }, message);
  if (id != slot.Id()) {
    Distrust(slot, fmt::format("it speaks for {}", id));
    return false;
  }
  if (auto* hand_back = std::get_if<HandedBack>(&message)) return OnHandBack(slot, std::move(*hand_back));
  if (!slot.MaySpeak(Now())) {
    Distrust(slot, "it floods the channel");
    return false;
  }
  if (std::holds_alternative<Ready>(message)) {
    OnReady(slot);
  } else if (const auto* reopened = std::get_if<LogReopened>(&message)) {
    reopening_.OnReopened(id, reopened->round);
  } else {
    log::Notice("worker {} asks to be replaced", id);
    if (fleet_.Replace(id, Now())) Add(scoreboard_.Master().recycled[RecycleReason::kAsked]);
  }
  return true;
}

bool Supervisor::OnHandBack(WorkerSlot& slot, HandedBack message) {
  // Its descriptor will be watched, and given to others: it must be one that we could have given to it.
  if (!slot.Channel().MayHandBack()) {
    Distrust(slot, "it hands back more than it was given");
    return false;
  }
  if (!IsStreamConnection(message.parcel.fd.Get())) {
    Distrust(slot, "it hands back what is no client's connection");
    return false;
  }
  if (!slot.Channel().Knows(message.parcel)) {
    Distrust(slot, "it hands back a connection that is not one of ours");
    return false;
  }
  StopLingering(message.parcel.fd.Get());
  slot.Channel().CountReturned(message.reason);
  scoreboard_.Master().load_marks.Mark(slot.Number());
  hooks_.on_hand_back(std::move(message));
  return true;
}

void Supervisor::OnReady(WorkerSlot& slot) {
  fleet_.Ready(slot.Id(), Now());
  PublishState(slot);
  if (fleet_.Find(slot.Id())->state != WorkerState::kReady)
    return;  // it was told to leave before it could say so
  const Time now = Now();
  if (const auto death = died_at_.extract(slot.Number())) {
    log::Info("worker {} is ready after {:.1f} ms, {:.1f} ms after the death of its predecessor", slot.Id(),
              Seconds(now - slot.StartedAt()) * 1e3, Seconds(now - death.mapped()) * 1e3);
  } else {
    log::Info("worker {} is ready after {:.1f} ms", slot.Id(), Seconds(now - slot.StartedAt()) * 1e3);
  }
  // One of a generation that is coming in gets nothing before that is promoted (Do(Promote)).
  if (fleet_.Find(slot.Id())->generation == in_service_) {
    dispatcher_.AddSlot(fleet_.Find(slot.Id())->pool, slot.Number(), slot.Channel());
  }
}

// ---- new log files ----

void Supervisor::ReopenLogs(const LogFds& logs, LogReopening::Done done) {
  logs_ = logs;
  std::vector<WorkerId> workers;
  for (const auto& slot : slots_) {
    if (slot->Alive() && slot->HasChannel()) workers.push_back(slot->Id());
  }
  reopening_.Begin(workers, std::move(done));
}

LogReopening::Telling Supervisor::TellOfLogs(WorkerId worker, std::uint64_t round) {
  WorkerSlot& slot = SlotOf(worker.slot);
  if (!slot.Alive() || slot.Id() != worker || slot.Channel().Shut()) return LogReopening::Telling::kGone;
  const auto send = [&](LogKind kind, int fd) {
    ReopenLog message{worker.incarnation, kind, logs_.sink, round, UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0))};
    if (message.fd.Valid()) return slot.Channel().Send(message).outcome;
    log::Error("worker {}: {}", worker, SysError("fcntl", "log").text);
    return SendOutcome::kTooMany;
  };
  // The access log first (messages.h).
  SendOutcome outcome = logs_.access >= 0 ? send(LogKind::kAccess, logs_.access) : SendOutcome::kSent;
  if (outcome == SendOutcome::kSent) outcome = send(LogKind::kServer, logs_.server);
  if (outcome == SendOutcome::kSent) return LogReopening::Telling::kTold;
  return outcome == SendOutcome::kGone ? LogReopening::Telling::kGone : LogReopening::Telling::kNoRoom;
}

void Supervisor::Distrust(WorkerSlot& slot, const std::string& why) {
  log::Error("worker {} pid {} is not to be trusted and gets SIGKILL: {}", slot.Id(), slot.Pid(), why);
  slot.Distrust();
  slot.Signal(SIGKILL);
}

}  // namespace preforkd
