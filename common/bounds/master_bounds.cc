#include "common/bounds/master_bounds.h"

namespace preforkd {
namespace {

// How old the notes of workers may become while clients connect. The notes of each are in other lines of the
// cache: with many workers, reading them for each accept would cost more than the accept.
constexpr Duration kHearEvery = std::chrono::milliseconds(1);

}  // namespace

std::optional<ClientBounds::Refusal> MasterBounds::Connects(ConnId id, const SocketAddress& peer,
                                                            bool handshake, Time now) {
  if (now - heard_at_ >= kHearEvery) HearAt(now);
  auto refusal = ClientBounds::Connects(peer, handshake, now, [&](std::uint64_t hash, std::uint32_t limit) {
    BeginCounting();
    if (Book().Begin(id, hash, limit)) return true;
    if (heard_) return false;
    HearOnce();
    return Book().Begin(id, hash, limit);
  });
  heard_ = false;
  return refusal;
}

// All that are accepted in one go have the same time. Workers decide by the book, so it is kept exact.
void MasterBounds::ConnectsHidden(ConnId id, Time now) {
  if (now != heard_at_) HearAt(now);
  heard_ = false;
  HoldsHidden(id);
}

void MasterBounds::HoldsHidden(ConnId id) {
  if (!Counts()) return;
  BeginCounting();
  Book().BeginHidden(id);
}

// Connections that stay may have many numbers in a row: what follows them is soon reached by leaps.
ConnId MasterBounds::NumberAfter(ConnId last) {
  constexpr int kTries = 64;
  constexpr int kSteps = 8;
  constexpr std::uint64_t kLeap = 1024;
  ConnId id = Next(last);
  if (!Counts()) return id;
  for (int i = 0; i < kTries && !Book().IsFree(id); ++i) {
    HearOnce();
    if (Book().IsFree(id)) break;
    id = i < kSteps ? Next(id) : ConnId{Raw(id) + kLeap};
  }
  return id;
}

void MasterBounds::TakesBack(ConnId id) {
  if (!Book().InUse()) return;
  // Its worker may have noted who the client is, which counts only as long as the slot has the connection.
  if (const std::optional<Slot> slot = Book().HiddenWith(id)) HearClientsOf(*slot);
  Book().TakeBack(id);
}

void MasterBounds::EndsAllOf(Slot slot) {
  if (!Book().InUse()) return;
  Book().EndAllOf(slot);
  tables_.notes[Raw(slot)].Clear();
}

// A worker that works has noted nothing yet. What one that was taken over has, now or in the past, must not
// be taken for the word of its successor. Not at its end: without bounds, the notes would use memory.
void MasterBounds::BeginCounting() {
  if (Book().InUse()) return;
  for (ClientNotes& notes : tables_.UsedNotes()) notes.Clear();
}

void MasterBounds::HearOnce() {
  if (heard_) return;
  heard_ = true;
  Hear();
}

void MasterBounds::HearAt(Time now) {
  heard_at_ = now;
  HearOnce();
}

void MasterBounds::ClientsNoted(Slot slot) {
  if (Book().InUse() && tables_.notes[Raw(slot)].ManyClients()) HearClientsOf(slot);
}

void MasterBounds::HearClientsOf(Slot slot) {
  if (Raw(slot) >= tables_.notes.size()) return;  // a book that a worker could write to
  tables_.notes[Raw(slot)].TakeClients([&](ConnId id, std::uint64_t hash) {
    if (Book().IsHiddenAt(slot, id)) Book().Count(id, hash);
  });
}

void MasterBounds::Hear() {
  if (!Book().InUse()) return;
  std::uint32_t number = 0;
  for (ClientNotes& notes : tables_.UsedNotes()) {
    const Slot slot{number++};
    // First: a client may have been noted, and its connection have ended.
    HearClientsOf(slot);
    const bool sane = notes.TakeEnds([&](std::size_t place) { return Book().EndAt(slot, place); });
    if (!sane && on_forged_) on_forged_(slot);
  }
}

void MasterBounds::Recount(ConnId id, const SocketAddress& peer) {
  const std::optional<Client> client = BoundedAt(peer);
  if (!client) return;
  BeginCounting();
  Book().Count(id, client->hash);
}

}  // namespace preforkd
