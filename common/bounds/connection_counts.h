// ConnectionCounts: how many connections each client has now, in the master and in all workers together.
// Fixed memory, shared by all processes, no lock. All zero is an empty table.
//
// Two tables. A *count* is one word: which client (40 bits of its hash), and how many. One that is 0 is free,
// so nothing is ever evicted. A *place* is one word for each connection, found by its number: where its count
// is, and which slot has it. Only the process that has the connection writes its place: the master before it
// hands it over and after it was handed back, the worker when it ends.
//
// What a process that is killed had is found by its slot (EndAllOf), also what lay in its channel untaken. So
// the process that gets a connection makes sure that it is counted (Count): that repairs the count of those.
//
// Error: a worker that is killed in the few nanoseconds between the two words of End makes its client's count
// one too low until that client has no connection; never too high. If the set of a count is full, or the
// place of a number is taken by another connection, the connection is not counted. A worker that was taken
// over can write anything here; then clients are bounded too early, or not at all. Nothing else depends on
// it.
#ifndef PREFORKD_COMMON_BOUNDS_CONNECTION_COUNTS_H_
#define PREFORKD_COMMON_BOUNDS_CONNECTION_COUNTS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "common/base/ids.h"

namespace preforkd {

class ConnectionCounts {
 public:
  static constexpr std::size_t kClients = std::size_t{1} << 16;
  static constexpr std::size_t kConnections = std::size_t{1} << 17;
  static constexpr std::uint32_t kMaxLimit = (1U << 24) - 2;

  // Anything was ever counted. Reading the tables before would use memory.
  [[nodiscard]] bool InUse() const { return in_use_.load(std::memory_order_relaxed); }
  // The place of that number is free: a new connection with it can be counted.
  [[nodiscard]] bool IsFree(ConnId id) const { return PlaceOf(id).load(std::memory_order_relaxed) == 0; }
  // A connection of the client with that hash begins, in the master. False: the client has `limit` already;
  // nothing was counted.
  bool Begin(ConnId id, std::uint64_t hash, std::uint32_t limit);
  // The connection is about to be given to a worker of that slot, or has come back and belongs to the master.
  void GiveTo(ConnId id, Slot slot);
  void TakeBack(ConnId id);
  // It is counted.
  [[nodiscard]] bool Counts(ConnId id) const {
    return IsPlaceOf(id, PlaceOf(id).load(std::memory_order_relaxed));
  }
  // Counts it if it is not, whatever the limit.
  void Count(ConnId id, std::uint64_t hash);
  // It has ended, or leaves those that are counted. No effect if it is not counted.
  void End(ConnId id);
  // The worker of the slot has ended: all that were given to it have, or will be counted again.
  void EndAllOf(Slot slot);
  // The connections of a client.
  [[nodiscard]] std::uint32_t Of(std::uint64_t hash) const;

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t kSet = 8;  // a cache line

  // The index of the count that is one higher now; kClients: none, because the client has `limit`;
  // kClients + 1: none, because its set is full.
  std::size_t Add(std::uint64_t hash, std::uint32_t limit);
  void Subtract(std::size_t index, std::uint64_t tag);
  void EndPlace(Word& place, std::uint64_t word);
  [[nodiscard]] static bool IsPlaceOf(ConnId id, std::uint64_t word);
  [[nodiscard]] Word& PlaceOf(ConnId id) { return places_[Raw(id) % kConnections]; }
  [[nodiscard]] const Word& PlaceOf(ConnId id) const { return places_[Raw(id) % kConnections]; }

  std::atomic<bool> in_use_{false};
  alignas(64) std::array<Word, kClients> counts_{};
  std::array<Word, kConnections> places_{};
};

}  // namespace preforkd

#endif
