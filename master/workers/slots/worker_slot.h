// WorkerSlot: a numbered place for a worker: its scoreboard row, its channel, and the process in it.
//
// The channel belongs to the slot and outlives the process. Only the channel of a retired worker ends with
// it: a side that was shut down cannot be opened again.
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
  // Refreshes a mirror first, except for its texts.
  [[nodiscard]] WorkerRow& Row();
  // Refreshes the texts of a mirror. Call it before reading texts of the row.
  void RefreshTexts();
  // Set while the worker was started by a previous program and writes to that program's scoreboard.
  [[nodiscard]] const RowMirror* Mirror() const { return mirror_.get(); }
  // Its worker will retire, and nobody else has all its services.
  void SetNoSuccessor();
  // The worker has exited, and all its counters are in the row.
  void ForgetMirror();

  // ---- the channel ----
  // Precondition: HasChannel().
  [[nodiscard]] SlotChannel& Channel() { return channel_.value(); }
  [[nodiscard]] const SlotChannel& Channel() const { return channel_.value(); }
  [[nodiscard]] bool HasChannel() const { return channel_.has_value(); }
  // The pool that uses the channel.
  [[nodiscard]] PoolId Pool() const { return pool_; }
  // Creates a channel if there is none. Precondition: an existing one belongs to `pool`.
  Status EnsureChannel(PoolId pool);
  // Connections that are left in the channel are lost. Precondition: no process runs here.
  void DropChannel();
  // A channel with a worker that the previous program has left here (upgrade).
  struct Takeover {
    PoolId pool{};
    SocketPair channel;
    WireVersion version{};
    bool shut = false;  // the worker was told to retire
    std::unique_ptr<RowMirror> mirror;
  };
  void TakeOver(Takeover takeover);

  // ---- the process ----
  // Set from the start until everything the process left is processed, so also for a while after its exit;
  // nullptr: none.
  [[nodiscard]] WorkerProcess* Process() { return process_.get(); }
  [[nodiscard]] const WorkerProcess* Process() const { return process_.get(); }
  [[nodiscard]] bool Running() const { return process_ != nullptr && process_->Running(); }
  // True if exactly this incarnation is in the slot and runs.
  [[nodiscard]] bool Runs(const WorkerId& id) const { return Running() && process_->Id() == id; }
  // Precondition: Process() is nullptr.
  void Occupy(std::unique_ptr<WorkerProcess> process);
  // Precondition: the process does not run.
  void Vacate();

  // When a worker that served has exited; set until the next one is ready.
  std::optional<Time> lacks_worker_since;

 private:
  Slot slot_;
  WorkerRow& row_;
  Ledger& ledger_;
  std::unique_ptr<RowMirror> mirror_;  // declared before the channel, which points to it
  std::optional<SlotChannel> channel_;
  PoolId pool_{};
  std::unique_ptr<WorkerProcess> process_;  // declared after the channel, which it watches
};

}  // namespace preforkd

#endif
