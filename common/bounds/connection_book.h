// ConnectionBook: how many connections each client has now, in the master and in all workers together; and
// for each connection whose it is, and which slot has it. In the scoreboard, fixed memory, no lock. Only the
// master writes, and a worker cannot (Scoreboard::ConfineTo); every process reads. All zero is an empty book.
//
// Two tables. A *count* is one word: which client (40 bits of its hash), and how many. One that is 0 is free,
// so nothing is ever evicted. A *place* is one word for each connection, found by its number: where its count
// is, and which slot has it. A connection behind a proxy is *hidden* until its worker has read who the client
// is: it has a place, and counts for nobody. It stays so if it has no client, as a proxy's own (PROXY LOCAL).
//
// A worker tells what it knows better (ClientNotes). It is believed only about connections that its slot has:
// so one that was taken over can make the counts of clients that it serves too low, or behind a proxy name
// other clients for the connections that it was given, and no more than those. All that was given to a slot
// ends with its worker (EndAllOf).
//
// Error: if the set of a count is full, or the place of a number is taken by another connection, the
// connection is not counted, also when it comes back. Nor is one that a killed worker left in its channel
// while the master had no descriptor to take it out, until it comes back.
#ifndef PREFORKD_COMMON_BOUNDS_CONNECTION_BOOK_H_
#define PREFORKD_COMMON_BOUNDS_CONNECTION_BOOK_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "common/base/ids.h"

namespace preforkd {

class ConnectionBook {
 public:
  static constexpr std::size_t kClients = std::size_t{1} << 16;
  static constexpr std::size_t kConnections = std::size_t{1} << 17;
  static constexpr std::uint32_t kMaxLimit = (1U << 24) - 2;

  // The place of a connection with that number.
  static std::size_t PlaceOf(ConnId id) { return Raw(id) % kConnections; }

  // ---- by any process ----
  // Anything was ever counted. Reading the tables before would use memory.
  [[nodiscard]] bool InUse() const { return in_use_.load(std::memory_order_relaxed); }
  // The place of that number is free: a new connection with it can be counted.
  [[nodiscard]] bool IsFree(ConnId id) const { return At(id) == 0; }
  // It has a place.
  [[nodiscard]] bool Has(ConnId id) const { return IsOf(id, At(id)); }
  // It is counted.
  [[nodiscard]] bool Counts(ConnId id) const;
  // It is hidden, and that slot has it.
  [[nodiscard]] bool IsHiddenAt(Slot slot, ConnId id) const;
  // The slot that has it, if it is hidden.
  [[nodiscard]] std::optional<Slot> HiddenWith(ConnId id) const;
  // The connections of a client.
  [[nodiscard]] std::uint32_t Of(std::uint64_t hash) const;

  // ---- by the master ----
  // A connection of the client with that hash begins. False: the client has `limit` already; nothing was
  // counted.
  bool Begin(ConnId id, std::uint64_t hash, std::uint32_t limit);
  // A hidden one begins. No effect if it has a place.
  void BeginHidden(ConnId id);
  // Counts it if it is not, whatever the limit; also one that is hidden.
  void Count(ConnId id, std::uint64_t hash);
  // The connection is about to be given to a worker of that slot, or has come back and belongs to the master.
  void GiveTo(ConnId id, Slot slot) { SetSlot(id, std::uint64_t{Raw(slot)} + 1); }
  void TakeBack(ConnId id) { SetSlot(id, 0); }
  // It has ended, or leaves those that are counted. No effect if it has no place.
  void End(ConnId id);
  // The worker of the slot says that the connection in that place has ended. False, without effect: the slot
  // does not have it.
  bool EndAt(Slot slot, std::size_t place);
  // The worker of the slot has ended: all that were given to it have, or will be counted again.
  void EndAllOf(Slot slot);

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t kSet = 8;  // a cache line

  // The index of the client's count, or of a free one; kClients: its set is full.
  [[nodiscard]] std::size_t CountOf(std::uint64_t hash) const;
  void Subtract(std::size_t index);
  void EndPlace(Word& place);
  void SetSlot(ConnId id, std::uint64_t slot);
  [[nodiscard]] static bool IsOf(ConnId id, std::uint64_t word);
  [[nodiscard]] std::uint64_t At(ConnId id) const {
    return places_[PlaceOf(id)].load(std::memory_order_relaxed);
  }

  std::atomic<bool> in_use_{false};
  alignas(64) std::array<Word, kClients> counts_{};
  std::array<Word, kConnections> places_{};
};

}  // namespace preforkd

#endif
