// ClientNotes: what the worker of one slot tells the master about the connections that it has: which of them
// have ended, and who the clients behind a proxy are. In the scoreboard, on pages that no other worker can
// write (Scoreboard::ConfineTo); no lock. All zero is empty.
//
// The master takes a note for what it is, the word of a worker: it counts only if the connection is one that
// the slot has (ConnectionBook). A worker that works notes ends of no others, so one that notes many is not
// trusted any more: reading 131,072 of them takes as long as a hundred accepts.
#ifndef PREFORKD_COMMON_BOUNDS_CLIENT_NOTES_H_
#define PREFORKD_COMMON_BOUNDS_CLIENT_NOTES_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/ids.h"

namespace preforkd {

class alignas(4096) ClientNotes {
 public:
  // As many as ConnectionBook has.
  static constexpr std::size_t kPlaces = std::size_t{1} << 17;
  // Of clients behind a proxy that the master has not read yet.
  static constexpr std::uint32_t kClients = 512;
  // The most forged ends that are read at once.
  static constexpr int kMaxForged = 256;

  // ---- by the worker ----
  // The connection in that place has ended.
  void NoteEnd(std::size_t place) {
    ended_[place / 64].fetch_or(Bit(place), std::memory_order_release);
    touched_[place / kPlacesOfTouch].fetch_or(Bit(place / 64), std::memory_order_release);
    any_ended_.store(true, std::memory_order_release);
  }
  // The client of that connection has this hash. False: there is no room until the master has read.
  bool NoteClient(ConnId id, std::uint64_t hash) {
    const std::uint32_t next = written_.load(std::memory_order_relaxed);
    if (next - read_.load(std::memory_order_acquire) >= kClients) return false;
    ids_[next % kClients].store(Raw(id), std::memory_order_relaxed);
    hashes_[next % kClients].store(hash, std::memory_order_relaxed);
    written_.store(next + 1, std::memory_order_release);
    return true;
  }
  // So many clients that the master should read them soon.
  [[nodiscard]] bool ManyClients() const {
    return UnreadUntil(written_.load(std::memory_order_acquire)) >= kClients / 2;
  }

  // ---- by any process ----
  // Calls visit(id, hash) for each client that the master has not read.
  template <typename Visit>
  void ForEachClient(Visit visit) const {
    ForEachUntil(written_.load(std::memory_order_acquire), visit);
  }

  // ---- by the master ----
  template <typename Visit>
  void TakeClients(Visit visit) {
    const std::uint32_t end = written_.load(std::memory_order_acquire);
    if (read_.load(std::memory_order_relaxed) == end) return;
    ForEachUntil(end, visit);
    read_.store(end, std::memory_order_release);
  }
  // Calls visit(place) for each that has ended; it returns false if the end is forged. False: more than
  // kMaxForged were, and the rest is not read. So is a word that was announced and is empty: of a worker that
  // works there is one at most, read before it was announced.
  template <typename Visit>
  bool TakeEnds(Visit visit) {
    if (!any_ended_.load(std::memory_order_relaxed)) return true;
    any_ended_.exchange(false, std::memory_order_acq_rel);
    int forged = 0;
    for (std::size_t i = 0; i < touched_.size(); ++i) {
      if (touched_[i].load(std::memory_order_relaxed) == 0) continue;
      for (std::uint64_t words = touched_[i].exchange(0, std::memory_order_acq_rel); words != 0;
           words &= words - 1) {
        const std::size_t word = i * 64 + static_cast<std::size_t>(std::countr_zero(words));
        std::uint64_t bits = ended_[word].exchange(0, std::memory_order_acq_rel);
        if (bits == 0) ++forged;
        for (; bits != 0; bits &= bits - 1)
          if (!visit(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)))) ++forged;
        if (forged > kMaxForged) return false;
      }
    }
    return true;
  }
  // Its worker has ended. What it has noted is void, also what it has not announced.
  void Clear() {
    any_ended_.store(false, std::memory_order_relaxed);
    for (Word& word : touched_) word.store(0, std::memory_order_relaxed);
    for (Word& word : ended_)
      if (word.load(std::memory_order_relaxed) != 0) word.store(0, std::memory_order_relaxed);
    read_.store(written_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

 private:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t kPlacesOfTouch = 64 * 64;

  static std::uint64_t Bit(std::size_t number) { return std::uint64_t{1} << (number % 64); }
  // Up to `end`, which is written_ of one moment: at most kClients, whatever a worker has written.
  [[nodiscard]] std::uint32_t UnreadUntil(std::uint32_t end) const {
    const std::uint32_t unread = end - read_.load(std::memory_order_acquire);
    return unread < kClients ? unread : kClients;
  }
  template <typename Visit>
  void ForEachUntil(std::uint32_t end, Visit visit) const {
    for (std::uint32_t i = end - UnreadUntil(end); i != end; ++i) {
      visit(ConnId{ids_[i % kClients].load(std::memory_order_relaxed)},
            hashes_[i % kClients].load(std::memory_order_relaxed));
    }
  }

  std::atomic<bool> any_ended_{false};
  std::atomic<std::uint32_t> written_{0};                 // clients, ever
  std::atomic<std::uint32_t> read_{0};                    // of those, by the master
  std::array<Word, kPlaces / kPlacesOfTouch> touched_{};  // words of ended_ that are not 0
  std::array<Word, kPlaces / 64> ended_{};                // one bit for each place
  std::array<Word, kClients> ids_{};
  std::array<Word, kClients> hashes_{};
};

}  // namespace preforkd

#endif
