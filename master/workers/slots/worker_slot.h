// WorkerSlot: one numbered place for a worker: its row of the scoreboard, its channel, and the process that
// is in it now.
//
// The channel belongs to the slot and outlives the process; a retired worker takes its channel with it,
// because a side that has been shut down cannot be opened again.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_WORKER_SLOT_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_WORKER_SLOT_H_

#include <memory>
#include <optional>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/scoreboard/foreign_board.h"
#include "common/scoreboard/scoreboard.h"
#include "master/dispatch/slot_channel.h"
#include "master/workers/slots/worker_process.h"

namespace preforkd {

class WorkerSlot {
 public:
  // `row` and `ledger` outlive the slot.
  WorkerSlot(Slot slot, WorkerRow& row, Ledger& ledger) : slot_(slot), row_(row), ledger_(ledger) {}

  [[nodiscard]] Slot Number() const { return slot_; }

  // ---- the row ----
  // As it is now: a mirror is refreshed, but for its texts.
  [[nodiscard]] WorkerRow& Row();
  // Before the texts of the row are read.
  void RefreshTexts();
  // Set while the worker is one of the program before this one, which writes to another board.
  [[nodiscard]] const RowMirror* Mirror() const { return mirror_.get(); }
  // That worker has ended, and all that it has counted is in the row.
  void ForgetMirror();

  // ---- the channel ----
  // Precondition: HasChannel().
  [[nodiscard]] SlotChannel& Channel() { return channel_.value(); }
  [[nodiscard]] const SlotChannel& Channel() const { return channel_.value(); }
  [[nodiscard]] bool HasChannel() const { return channel_.has_value(); }
  // The pool whose workers use the channel.
  [[nodiscard]] PoolId Pool() const { return pool_; }
  // Makes a channel if there is none. Precondition: the one that is there is of that pool.
  Status EnsureChannel(PoolId pool);
  // What is left in it is lost. Precondition: no process runs here.
  void DropChannel();
  // The channel of a worker that the program before this one has left here.
  struct Takeover {
    PoolId pool{};
    SocketPair channel;
    WireVersion version{};
    bool shut = false;  // it has been told to leave
    std::unique_ptr<RowMirror> mirror;
  };
  void TakeOver(Takeover takeover);

  // ---- the process ----
  // From the start until all that it has left is settled, so also for a while after its end; nullptr: there
  // is none.
  [[nodiscard]] WorkerProcess* Process() { return process_.get(); }
  [[nodiscard]] const WorkerProcess* Process() const { return process_.get(); }
  [[nodiscard]] bool Running() const { return process_ != nullptr && process_->Running(); }
  // That very worker is in the slot, and runs.
  [[nodiscard]] bool Runs(const WorkerId& id) const { return Running() && process_->Id() == id; }
  // Precondition: there is none.
  void Occupy(std::unique_ptr<WorkerProcess> process);
  // Precondition: it does not run.
  void Vacate();

  // Since when the slot lacks a worker that served; set until the next one is ready.
  std::optional<Time> lacks_worker_since;

 private:
  Slot slot_;
  WorkerRow& row_;
  Ledger& ledger_;
  std::unique_ptr<RowMirror> mirror_;  // before the channel, which looks into it
  std::optional<SlotChannel> channel_;
  PoolId pool_{};
  std::unique_ptr<WorkerProcess> process_;  // behind the channel, which it watches
};

}  // namespace preforkd

#endif
