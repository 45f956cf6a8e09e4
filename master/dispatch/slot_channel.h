// SlotChannel: the socketpair of one slot, and the count of what has passed through it.
//
// The master keeps both ends open, so parcels that no worker has taken survive the worker: the master
// reclaims them, or the next incarnation takes them. A parcel belongs to the caller until it is sent, then to
// the channel.
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
  // `row`: the slot's row. `ledger` and `row` must outlive the channel. `version`: the wire version spoken on
  // it.
  static Result<SlotChannel> Create(Ledger& ledger, WorkerRow& row, WireVersion version);
  // For a worker that the previous program forked (upgrade), which speaks `version`. `mirror` keeps `row` up
  // to date and must outlive the channel. `shut`: CloseOurSide was called.
  static SlotChannel Restore(SocketPair ends, Ledger& ledger, WorkerRow& row, const RowMirror& mirror,
                             WireVersion version, bool shut);

  [[nodiscard]] int MasterEnd() const { return ends_.first.Get(); }   // borrowed
  [[nodiscard]] int WorkerEnd() const { return ends_.second.Get(); }  // borrowed; used by the child

  // Hands over parcels in order until the channel is full. Sent parcels are booked and their descriptors
  // closed here; the others are as they were, but may have lost their rhythm to a channel of an earlier
  // version. At most kMaxBatch parcels.
  SendResult Send(std::span<PackedParcel> parcels);
  // Sends a control message to one incarnation.
  SendResult Send(const ReopenLog& message);
  // Asks the worker in this slot to show that it is running.
  void Nudge();

  // Receives what the worker has not taken and appends it to `parcels`, oldest first. Returns the number of
  // parcels. Stops early when the process runs out of descriptors, and leaves the rest in the channel: a
  // message received without a free descriptor number loses its descriptor. ReopenLog messages found on the
  // way are sent again: their incarnation may only be busy.
  std::size_t Reclaim(std::vector<PackedParcel>& parcels);
  // The last Reclaim emptied the channel; it did not stop for lack of descriptors.
  [[nodiscard]] bool Drained() const { return drained_; }
  // CloseOurSide was called: no other worker can use this channel.
  [[nodiscard]] bool Shut() const { return shut_; }
  // Created for a worker of the previous program, perhaps with another wire version: no other worker can use
  // it.
  [[nodiscard]] bool Restored() const { return restored_; }
  // Its worker has exited and is accounted for: from now on only the master writes to the row.
  void ForgetMirror() { mirror_ = nullptr; }
  [[nodiscard]] WireVersion Version() const { return master_.Version(); }

  // Ends sending: the worker reads end of file after the queued messages, and can still send.
  void CloseOurSide();

  // Receives one message from the worker.
  [[nodiscard]] Reception<WorkerToMaster> Receive() const { return master_.ReceiveFromWorker(); }
  // Books a connection that the worker handed back.
  void CountReturned(ReturnReason reason);
  // The seal shows that this slot was given the connection, in this stage of TLS or to make the handshake. So
  // its socket is one that the master has accepted. The parcel keeps what was asked of the kernel for that,
  // in place of the seal (ParcelHead::seal).
  [[nodiscard]] bool Knows(PackedParcel& parcel) const;
  // The worker can still hold a connection to hand back, by the master's own count. The worker can
  // write to the row, so a decrease of its finished count is ignored.
  [[nodiscard]] bool MayHandBack();
  // The incarnation has ended and left `untaken` parcels in the channel.
  void StartIncarnation(std::uint64_t untaken);

  // Connections handed over to this incarnation and not finished, handed back or reclaimed. Exact for the
  // messages received so far.
  [[nodiscard]] std::uint64_t Load() const { return Row().InProgress(); }
  [[nodiscard]] std::uint64_t Queued() const { return Row().Queued(); }
  [[nodiscard]] const WorkerRow& Row() const {
    if (mirror_ != nullptr) mirror_->Refresh();
    return *row_;
  }

 private:
  [[nodiscard]] bool IsSealed(ParcelHead head, std::uint64_t socket) const;
  std::size_t ReceiveUntaken(std::vector<PackedParcel>& parcels, std::vector<ReopenLog>& log_files);

  SlotChannel(SocketPair ends, Ledger& ledger, WorkerRow& row, WireVersion version);

  SocketPair ends_;  // first: the master's end, second: the worker's
  ChannelEnd master_;
  ChannelEnd worker_;
  Ledger* ledger_;
  WorkerRow* row_;
  const RowMirror* mirror_ = nullptr;
  bool restored_ = false;
  std::uint64_t cookie_;  // the kernel's identifier of the channel (SocketCookie)
  bool drained_ = true;
  bool shut_ = false;
  std::uint64_t given_ = 0;     // to this incarnation, minus those handed back or reclaimed
  std::uint64_t finished_ = 0;  // of those, as the worker reported; never decreases
};

}  // namespace preforkd

#endif
