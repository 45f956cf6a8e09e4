#include "master/workers/slots/slot_connections.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/log.h"

namespace preforkd {

std::size_t ReclaimUntaken(const SupervisorParts& parts, WorkerSlot& slot) {
  std::vector<PackedParcel> parcels;
  const std::size_t count = slot.Channel().Reclaim(parcels);
  for (PackedParcel& parcel : parcels) {
    log::Debug({log::kConnReclaimed, parcel.Id(), {{"from_slot", slot.Number()}}}, "reclaimed from slot {}",
               Raw(slot.Number()));
    parts.dispatcher.Submit(std::move(parcel));
  }
  return count;
}

bool ClearChannel(const SupervisorParts& parts, WorkerSlot& slot) {
  if (!slot.HasChannel()) return true;
  ReclaimUntaken(parts, slot);
  if (!slot.Channel().Drained()) return false;
  slot.DropChannel();
  parts.ledger.SlotEmptied(slot.Row());
  return true;
}

void ClearUnusedChannels(const SupervisorParts& parts) {
  for (const auto& slot : parts.slots.All()) {
    if (!slot->HasChannel() || slot->Process() != nullptr || parts.RecordOf(*slot).wanted) continue;
    if (ClearChannel(parts, *slot)) parts.Publish(*slot);
  }
}

std::uint64_t CloseAccount(const SupervisorParts& parts, WorkerSlot& slot, LossReason reason, bool trusted) {
  WorkerRow& row = slot.Row();
  // If descriptors are short, some parcels may still be in the channel: they are safe there, for the next
  // incarnation or a later attempt.
  const bool none_left = slot.Channel().Drained() || !trusted;
  const std::uint64_t left = none_left ? 0 : std::min(row.Queued(), row.InProgress());
  slot.ForgetMirror();  // otherwise the next refresh would bring its counters back
  const std::uint64_t lost = parts.ledger.WorkerEnded(row, left, reason);
  slot.Channel().StartIncarnation(left);
  return lost;
}

}  // namespace preforkd
