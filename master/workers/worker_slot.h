// WorkerSlot: the shell of one slot: its channel, and the process that is in it now.
//
// The channel belongs to the slot and outlives the process; a retired worker takes its channel with it, because
// a side that has been shut down cannot be opened again. The pid is for waiting only and is forgotten in the
// moment of the wait; signals go through the pidfd, which can never name a stranger.
#ifndef PREFORKD_MASTER_WORKERS_WORKER_SLOT_H_
#define PREFORKD_MASTER_WORKERS_WORKER_SLOT_H_

#include <memory>
#include <optional>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/ids.h"
#include "common/event/fd_watch.h"
#include "common/scoreboard/foreign_board.h"
#include "common/scoreboard/scoreboard.h"
#include "master/dispatch/slot_channel.h"
#include "master/policy/flood.h"
#include "master/system/spawn.h"

namespace preforkd {

class WorkerSlot {
 public:
  // `row` and `ledger` outlive the slot.
  WorkerSlot(Slot slot, WorkerRow& row, Ledger& ledger) : slot_(slot), row_(row), ledger_(ledger) {}

  [[nodiscard]] Slot Number() const { return slot_; }
  [[nodiscard]] WorkerId Id() const { return {slot_, incarnation_}; }
  // As it is now: a mirror is refreshed, but for its texts.
  [[nodiscard]] WorkerRow& Row() {
    if (mirror_ != nullptr) mirror_->Refresh();
    return row_;
  }
  // Before the texts of the row are read.
  void RefreshTexts() {
    if (mirror_ != nullptr) mirror_->RefreshTexts();
  }
  // Set while the worker is one of the program before this one, which writes to another board.
  [[nodiscard]] const RowMirror* Mirror() const { return mirror_.get(); }
  // That worker is dead, and all that it has counted is in the row.
  void ForgetMirror();
  [[nodiscard]] bool Alive() const { return pid_.has_value(); }
  [[nodiscard]] pid_t Pid() const { return pid_.value_or(0); }  // for log lines
  [[nodiscard]] Time StartedAt() const { return started_at_; }
  // Precondition: EnsureChannel() has succeeded and the channel has not been dropped since.
  [[nodiscard]] SlotChannel& Channel() { return *channel_; }
  [[nodiscard]] bool HasChannel() const { return channel_.has_value(); }

  // Makes a channel if there is none.
  Status EnsureChannel();
  void DropChannel();

  // A worker that the program before this one has left here, with its channel.
  struct Inheritance {
    SocketPair channel;
    WireVersion version{};
    bool shut = false;         // it has been told to leave
    std::unique_ptr<RowMirror> mirror;
  };
  void Inherit(Inheritance inheritance);
  // A process is in the slot now, since `started_at`: watches its end and its words.
  Status Adopt(SpawnedProcess process, Incarnation incarnation, Time started_at, EventLoop& loop,
               FdWatch::Callback on_exit, FdWatch::Callback on_message);
  // The worker is dead: it says nothing more.
  void StopListening() { message_watch_.reset(); }
  // Hears it, or leaves what it says in the channel. No effect on one that is not heard any more.
  // Error: it could not be watched, and is not heard: try again.
  Status SetListening(bool listening);
  // It talks nonsense: nothing that it has sent or will send is believed.
  void Distrust();
  [[nodiscard]] bool Distrusted() const { return distrusted_; }
  // Why the clients that it has now will be lost if it dies: set before we kill it.
  void SetLossReason(LossReason reason) { loss_reason_ = reason; }
  [[nodiscard]] LossReason LossReasonOfDeath() const { return loss_reason_; }
  // It has said something that carries no connection. False: too often.
  bool MaySpeak(Time now) { return flood_.Allow(now); }

  // Sends a signal to the process, if there is one. False when it has ended already.
  bool Signal(int signo);
  // For a process that cannot be watched: kills it and waits for that.
  void KillAndForget();
  [[nodiscard]] int PidFd() const { return pidfd_.Get(); }  // borrowed; -1 when there is no process
  // Waits for the process, which must have ended, and forgets its pid. nullopt when it still lives.
  std::optional<ExitReport> Reap();

 private:
  Slot slot_;
  WorkerRow& row_;
  Ledger& ledger_;
  std::unique_ptr<RowMirror> mirror_;  // before the channel, which looks into it
  std::optional<SlotChannel> channel_;
  Incarnation incarnation_{};
  std::optional<pid_t> pid_;
  UniqueFd pidfd_;
  Time started_at_{};
  FloodWatch flood_;
  bool distrusted_ = false;
  LossReason loss_reason_ = LossReason::kCrash;
  std::unique_ptr<FdWatch> exit_watch_;
  std::unique_ptr<FdWatch> message_watch_;
};

}  // namespace preforkd

#endif
