#include "common/bounds/connection_counts.h"

namespace preforkd {
namespace {

// A count: 40 bits of the client's hash, then the number.
constexpr int kCountBits = 24;
constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;

// A place, from its lowest bit: used, the slot + 1 or 0 for the master, the index of the count, 20 bits of
// the client's hash, and of the connection's number what does not follow from where the place is.
constexpr int kSlotShift = 1;
constexpr int kIndexShift = 12;
constexpr int kTagShift = 28;
constexpr int kIdShift = 48;
constexpr std::uint64_t kUsed = 1;
constexpr std::uint64_t kSlotMask = 0x7ff;
constexpr std::uint64_t kIndexMask = 0xffff;
constexpr std::uint64_t kTagMask = 0xfffff;
constexpr std::uint64_t kIdMask = 0xffff;

constexpr int kTries = 64;

std::uint64_t TagOf(std::uint64_t hash) { return hash >> kCountBits; }
std::uint64_t CheckOf(ConnId id) { return Raw(id) / ConnectionCounts::kConnections & kIdMask; }

std::uint64_t WithSlot(std::uint64_t word, std::uint64_t slot) {
  return (word & ~(kSlotMask << kSlotShift)) | slot << kSlotShift;
}

}  // namespace

static_assert(ConnectionCounts::kClients - 1 == kIndexMask);

bool ConnectionCounts::IsPlaceOf(ConnId id, std::uint64_t word) {
  return (word & kUsed) != 0 && word >> kIdShift == CheckOf(id);
}

bool ConnectionCounts::Begin(ConnId id, std::uint64_t hash, std::uint32_t limit) {
  if (!InUse()) in_use_.store(true, std::memory_order_relaxed);
  const std::size_t index = Add(hash, limit);
  if (index == kClients) return false;
  if (index > kClients) return true;
  if (!IsFree(id)) {
    Subtract(index, TagOf(hash));
    return true;
  }
  PlaceOf(id).store(kUsed | std::uint64_t{index} << kIndexShift | (TagOf(hash) & kTagMask) << kTagShift |
                        CheckOf(id) << kIdShift,
                    std::memory_order_relaxed);
  return true;
}

void ConnectionCounts::Count(ConnId id, std::uint64_t hash) {
  if (IsFree(id)) (void)Begin(id, hash, kMaxLimit);
}

void ConnectionCounts::GiveTo(ConnId id, Slot slot) {
  const std::uint64_t word = PlaceOf(id).load(std::memory_order_relaxed);
  if (IsPlaceOf(id, word))
    PlaceOf(id).store(WithSlot(word, std::uint64_t{Raw(slot)} + 1), std::memory_order_relaxed);
}

void ConnectionCounts::TakeBack(ConnId id) {
  const std::uint64_t word = PlaceOf(id).load(std::memory_order_relaxed);
  if (IsPlaceOf(id, word)) PlaceOf(id).store(WithSlot(word, 0), std::memory_order_relaxed);
}

void ConnectionCounts::End(ConnId id) {
  const std::uint64_t word = PlaceOf(id).load(std::memory_order_relaxed);
  if (IsPlaceOf(id, word)) EndPlace(PlaceOf(id), word);
}

// The count first: see above.
void ConnectionCounts::EndPlace(Word& place, std::uint64_t word) {
  Subtract(word >> kIndexShift & kIndexMask, word >> kTagShift & kTagMask);
  place.store(0, std::memory_order_relaxed);
}

void ConnectionCounts::EndAllOf(Slot slot) {
  for (Word& place : places_) {
    const std::uint64_t word = place.load(std::memory_order_relaxed);
    if ((word & kUsed) != 0 && (word >> kSlotShift & kSlotMask) == std::uint64_t{Raw(slot)} + 1)
      EndPlace(place, word);
  }
}

std::uint32_t ConnectionCounts::Of(std::uint64_t hash) const {
  const std::size_t set = hash % (kClients / kSet) * kSet;
  for (std::size_t i = set; i < set + kSet; ++i) {
    const std::uint64_t word = counts_[i].load(std::memory_order_relaxed);
    if (word != 0 && word >> kCountBits == TagOf(hash)) return static_cast<std::uint32_t>(word & kCountMask);
  }
  return 0;
}

std::size_t ConnectionCounts::Add(std::uint64_t hash, std::uint32_t limit) {
  const std::size_t set = hash % (kClients / kSet) * kSet;
  for (int tries = 0; tries < kTries; ++tries) {
    std::size_t index = kClients;
    std::uint64_t word = 0;
    for (std::size_t i = set; i < set + kSet; ++i) {
      const std::uint64_t seen = counts_[i].load(std::memory_order_relaxed);
      const bool own = seen != 0 && seen >> kCountBits == TagOf(hash);
      if (!own && (seen != 0 || index != kClients)) continue;
      index = i;
      word = seen;
      if (own) break;
    }
    if (index == kClients) break;
    if ((word & kCountMask) >= limit) return kClients;
    const std::uint64_t next = word == 0 ? TagOf(hash) << kCountBits | 1 : word + 1;
    if (counts_[index].compare_exchange_weak(word, next, std::memory_order_relaxed)) return index;
  }
  return kClients + 1;
}

// `tag`: the lowest bits of it. If the count is of another client by now, a worker was killed within End.
void ConnectionCounts::Subtract(std::size_t index, std::uint64_t tag) {
  Word& count = counts_[index];
  std::uint64_t word = count.load(std::memory_order_relaxed);
  do {
    if ((word & kCountMask) == 0 || (word >> kCountBits & kTagMask) != (tag & kTagMask)) return;
  } while (
      !count.compare_exchange_weak(word, (word & kCountMask) == 1 ? 0 : word - 1, std::memory_order_relaxed));
}

}  // namespace preforkd
