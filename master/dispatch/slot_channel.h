// SlotChannel: the socketpair of one slot, and the ledger of what has gone through it.
//
// The master keeps both ends open, so what no worker has taken survives the worker: it can be received here
// (reclaim), or by the next incarnation. Sending is the hand-over: before a successful send the parcel is the
// caller's, after it the channel's.
#ifndef PREFORKD_MASTER_DISPATCH_SLOT_CHANNEL_H_
#define PREFORKD_MASTER_DISPATCH_SLOT_CHANNEL_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/channel/channel_end.h"
#include "common/channel/fd_message.h"
#include "common/scoreboard/foreign_board.h"
#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class SlotChannel {
 public:
  // `row` is the slot's; `ledger` and it outlive the channel. `version`: of the wire, as it will be spoken
  // here.
  static Result<SlotChannel> Create(Ledger& ledger, WorkerRow& row, WireVersion version);
  // The channel of a worker that was forked by the program before this one, which spoke `version`. `mirror`
  // keeps `row` up to date, and outlives the channel. `shut`: CloseOurSide has been called.
  static SlotChannel Restore(SocketPair ends, Ledger& ledger, WorkerRow& row, const RowMirror& mirror,
                             WireVersion version, bool shut);

  [[nodiscard]] int MasterEnd() const { return ends_.first.Get(); }   // borrowed
  [[nodiscard]] int WorkerEnd() const { return ends_.second.Get(); }  // borrowed; for the child

  // Hands over the parcels in order until the channel takes no more; those that went are closed here and
  // booked, the others are untouched. At most kMaxBatch.
  SendResult Send(std::span<PackedParcel> parcels);
  // A control message for one incarnation.
  SendResult Send(const ReopenLog& message);
  // Asks whoever serves this slot to show that it runs.
  void Nudge();

  // Receives from the worker's end what it has not taken, into `parcels` (appended, oldest first). Stops
  // early, leaving the rest in the channel, when this process is about to run out of descriptors: a message
  // that is received without room for its descriptor loses it. Returns the number of parcels. New log files
  // found on the way go back: their incarnation may only be busy.
  std::size_t Reclaim(std::vector<PackedParcel>& parcels);
  // The last Reclaim found the end of the queue: nothing was left for lack of a descriptor.
  [[nodiscard]] bool Drained() const { return drained_; }
  // CloseOurSide has been called: no worker can be given this channel any more.
  [[nodiscard]] bool Shut() const { return shut_; }
  // It was made for a worker of the program before this one, which may have spoken another version: likewise.
  [[nodiscard]] bool Restored() const { return restored_; }
  // Its worker is dead and has been reckoned with: the row is ours alone from now on.
  void ForgetMirror() { mirror_ = nullptr; }
  [[nodiscard]] WireVersion Version() const { return master_.Version(); }

  // No more from us: the worker reads end of file behind what is queued, and can still send.
  void CloseOurSide();

  // One message from the worker.
  [[nodiscard]] Reception<WorkerToMaster> Receive() const { return master_.ReceiveFromWorker(); }
  // Books a connection that the worker has handed back.
  void CountReturned(ReturnReason reason);
  // It is a connection that this slot was given.
  [[nodiscard]] bool Knows(const PackedParcel& parcel) const;
  // The worker can still have a connection to hand back. By this process's own count: the row is memory that
  // the worker can write to, and what it has once said to have finished it cannot take back.
  [[nodiscard]] bool MayHandBack();
  // An incarnation has ended; `untaken` parcels of it are still in the channel.
  void StartIncarnation(std::uint64_t untaken);

  // Handed over to this incarnation and neither finished, returned nor reclaimed; exact by what has been
  // received so far.
  [[nodiscard]] std::uint64_t Load() const { return Row().InProgress(); }
  [[nodiscard]] std::uint64_t Queued() const { return Row().Queued(); }
  [[nodiscard]] const WorkerRow& Row() const {
    if (mirror_ != nullptr) mirror_->Refresh();
    return *row_;
  }

 private:
  std::size_t ReceiveUntaken(std::vector<PackedParcel>& parcels, std::vector<ReopenLog>& log_files);

  SlotChannel(SocketPair ends, Ledger& ledger, WorkerRow& row, WireVersion version);

  SocketPair ends_;  // first: ours, second: the worker's
  ChannelEnd master_;
  ChannelEnd worker_;
  Ledger* ledger_;
  WorkerRow* row_;
  const RowMirror* mirror_ = nullptr;
  bool restored_ = false;
  std::uint64_t cookie_;  // the kernel's name of the channel
  bool drained_ = true;
  bool shut_ = false;
  std::uint64_t given_ = 0;     // to this incarnation, less what came back, by either way
  std::uint64_t finished_ = 0;  // of those, as it has said; never less
};

}  // namespace preforkd

#endif
