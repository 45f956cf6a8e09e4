#include "common/bounds/connection_book.h"

namespace preforkd {
namespace {

// A count: 40 bits of the client's hash, then the number.
constexpr int kCountBits = 24;
constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;

// A place, from its lowest bit: used, the slot + 1 or 0 for the master, the client is known, the index of its
// count, and of the connection's number what does not follow from where the place is.
constexpr int kSlotShift = 1;
constexpr int kIndexShift = 13;
constexpr int kIdShift = 29;
constexpr std::uint64_t kUsed = 1;
constexpr std::uint64_t kSlotMask = 0x7ff;
constexpr std::uint64_t kKnown = 1 << 12;
constexpr std::uint64_t kIndexMask = 0xffff;
constexpr std::uint64_t kIdMask = (std::uint64_t{1} << (64 - kIdShift)) - 1;

std::uint64_t TagOf(std::uint64_t hash) { return hash >> kCountBits; }

// Of a connection that is hidden, in the master.
std::uint64_t WordOf(ConnId id) {
  return kUsed | (Raw(id) / ConnectionBook::kConnections & kIdMask) << kIdShift;
}
std::uint64_t SlotOf(std::uint64_t word) { return word >> kSlotShift & kSlotMask; }
std::size_t IndexOf(std::uint64_t word) { return word >> kIndexShift & kIndexMask; }

}  // namespace

static_assert(ConnectionBook::kClients - 1 == kIndexMask);

bool ConnectionBook::IsOf(ConnId id, std::uint64_t word) {
  return (word & kUsed) != 0 && word >> kIdShift == WordOf(id) >> kIdShift;
}

bool ConnectionBook::Counts(ConnId id) const {
  const std::uint64_t word = At(id);
  return IsOf(id, word) && (word & kKnown) != 0;
}

bool ConnectionBook::IsHiddenAt(Slot slot, ConnId id) const {
  const std::uint64_t word = At(id);
  return IsOf(id, word) && (word & kKnown) == 0 && SlotOf(word) == std::uint64_t{Raw(slot)} + 1;
}

std::optional<Slot> ConnectionBook::HiddenWith(ConnId id) const {
  const std::uint64_t word = At(id);
  if (!IsOf(id, word) || (word & kKnown) != 0 || SlotOf(word) == 0) return std::nullopt;
  return Slot{static_cast<std::uint32_t>(SlotOf(word) - 1)};
}

bool ConnectionBook::Begin(ConnId id, std::uint64_t hash, std::uint32_t limit) {
  if (!InUse()) in_use_.store(true, std::memory_order_relaxed);
  const std::size_t index = CountOf(hash);
  if (index == kClients) return true;
  const std::uint64_t count = counts_[index].load(std::memory_order_relaxed);
  if ((count & kCountMask) >= limit) return false;
  const std::uint64_t word = At(id);
  if (word != 0 && (!IsOf(id, word) || (word & kKnown) != 0)) return true;
  const std::uint64_t counted =
      (word == 0 ? WordOf(id) : word) | kKnown | std::uint64_t{index} << kIndexShift;
  places_[PlaceOf(id)].store(counted, std::memory_order_relaxed);
  // Last: who reads this count sees that the connection is not hidden any more, and does not add its note.
  counts_[index].store(count == 0 ? TagOf(hash) << kCountBits | 1 : count + 1, std::memory_order_release);
  return true;
}

void ConnectionBook::BeginHidden(ConnId id) {
  if (!InUse()) in_use_.store(true, std::memory_order_relaxed);
  if (IsFree(id)) places_[PlaceOf(id)].store(WordOf(id), std::memory_order_relaxed);
}

void ConnectionBook::Count(ConnId id, std::uint64_t hash) {
  if (!Counts(id)) (void)Begin(id, hash, kMaxLimit);
}

void ConnectionBook::SetSlot(ConnId id, std::uint64_t slot) {
  const std::uint64_t word = At(id);
  if (!IsOf(id, word)) return;
  places_[PlaceOf(id)].store((word & ~(kSlotMask << kSlotShift)) | slot << kSlotShift,
                             std::memory_order_relaxed);
}

void ConnectionBook::End(ConnId id) {
  if (Has(id)) EndPlace(places_[PlaceOf(id)]);
}

bool ConnectionBook::EndAt(Slot slot, std::size_t place) {
  const std::uint64_t word = places_[place].load(std::memory_order_relaxed);
  if ((word & kUsed) == 0 || SlotOf(word) != std::uint64_t{Raw(slot)} + 1) return false;
  EndPlace(places_[place]);
  return true;
}

void ConnectionBook::EndAllOf(Slot slot) {
  for (std::size_t place = 0; place < kConnections; ++place) (void)EndAt(slot, place);
}

void ConnectionBook::EndPlace(Word& place) {
  const std::uint64_t word = place.load(std::memory_order_relaxed);
  if ((word & kKnown) != 0) Subtract(IndexOf(word));
  place.store(0, std::memory_order_relaxed);
}

std::uint32_t ConnectionBook::Of(std::uint64_t hash) const {
  const std::size_t set = hash % (kClients / kSet) * kSet;
  for (std::size_t i = set; i < set + kSet; ++i) {
    const std::uint64_t word = counts_[i].load(std::memory_order_acquire);
    if (word != 0 && word >> kCountBits == TagOf(hash)) return static_cast<std::uint32_t>(word & kCountMask);
  }
  return 0;
}

std::size_t ConnectionBook::CountOf(std::uint64_t hash) const {
  const std::size_t set = hash % (kClients / kSet) * kSet;
  std::size_t free = kClients;
  for (std::size_t i = set; i < set + kSet; ++i) {
    const std::uint64_t seen = counts_[i].load(std::memory_order_relaxed);
    if (seen != 0 && seen >> kCountBits == TagOf(hash)) return i;
    if (seen == 0 && free == kClients) free = i;
  }
  return free;
}

void ConnectionBook::Subtract(std::size_t index) {
  const std::uint64_t word = counts_[index].load(std::memory_order_relaxed);
  counts_[index].store((word & kCountMask) <= 1 ? 0 : word - 1, std::memory_order_relaxed);
}

}  // namespace preforkd
