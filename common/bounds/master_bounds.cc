#include "common/bounds/master_bounds.h"

namespace preforkd {

std::optional<ClientBounds::Refusal> MasterBounds::Connects(ConnId id, const SocketAddress& peer,
                                                            bool handshake, Time now) {
  HearOnceAt(now);
  return ClientBounds::Connects(peer, handshake, now, [&](std::uint64_t hash, std::uint32_t limit) {
    if (Book().Begin(id, hash, limit)) return true;
    Hear();
    return Book().Begin(id, hash, limit);
  });
}

void MasterBounds::ConnectsHidden(ConnId id, Time now) {
  HearOnceAt(now);
  HoldsHidden(id);
}

bool MasterBounds::MayNumber(ConnId id) {
  if (!Counts() || Book().IsFree(id)) return true;
  Hear();
  return Book().IsFree(id);
}

void MasterBounds::EndsAllOf(Slot slot) {
  if (!Book().InUse()) return;
  Book().EndAllOf(slot);
  tables_.notes[Raw(slot)].Clear();
}

// All that are accepted in one go have the same time.
void MasterBounds::HearOnceAt(Time now) {
  if (now == heard_at_) return;
  heard_at_ = now;
  Hear();
}

void MasterBounds::Hear() {
  if (!Book().InUse()) return;
  std::uint32_t number = 0;
  for (ClientNotes& notes : tables_.UsedNotes()) {
    const Slot slot{number++};
    // First: a client may have been noted, and its connection have ended.
    notes.TakeClients([&](ConnId id, std::uint64_t hash) {
      if (Book().IsHiddenAt(slot, id)) Book().Count(id, hash);
    });
    notes.TakeEnds([&](std::size_t place) { Book().EndAt(slot, place); });
  }
}

void MasterBounds::Recount(ConnId id, const SocketAddress& peer) {
  if (const std::optional<Client> client = BoundedAt(peer)) Book().Count(id, client->hash);
}

}  // namespace preforkd
