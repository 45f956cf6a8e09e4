// WorkerRow: what the master and the worker of one slot write about that worker.
#ifndef PREFORKD_COMMON_SCOREBOARD_WORKER_ROW_H_
#define PREFORKD_COMMON_SCOREBOARD_WORKER_ROW_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/ids.h"
#include "common/net/address.h"
#include "common/scoreboard/counters.h"
#include "common/scoreboard/reasons.h"
#include "common/scoreboard/refused_calls.h"
#include "common/scoreboard/shared_text.h"
#include "common/scoreboard/wait_histogram.h"

namespace preforkd {

inline constexpr std::size_t kPageBytes = 4096;

// States of a worker as the master sees them, plus `free` for a row that nobody has. The numbers are read by
// workers of an older program after an upgrade: add behind, change none. The same for MasterState.
enum class SlotState : std::uint64_t { kFree, kStarting, kReady, kRetiring, kGone };
inline constexpr std::size_t kSlotStates = 5;
const char* SlotStateName(SlotState state);

// Where a worker was when a signal killed it: written by its signal handler, read by the master, which has
// the same program at the same addresses and so can name them.
struct CrashRecord {
  static constexpr std::size_t kFrames = 48;
  Counter signo{0};
  Counter fault_address{0};
  Counter count{0};  // of valid frames
  std::array<Counter, kFrames> frames{};

  void Clear();
};

// What all earlier incarnations of a slot have counted in the pool that it is in: together with the row of
// the one that lives, a number that never goes back.
struct SlotTotals {
  Counter incarnations{0};
  Counter requests{0};
  Counter bytes_in{0};
  Counter bytes_out{0};
  Counter cpu_ns{0};

  void Clear();
};

// A page of its own: a worker can write to no other (Scoreboard::ConfineTo). Grows at its end only: a program
// that comes after the one that made it reads what it knows of it (board_layout.cc). All zeros but `size` and
// `version`: new.
struct alignas(kPageBytes) WorkerRow {
  static constexpr std::uint32_t kVersion = 1;         // bump with each field that is added
  static constexpr std::uint32_t kFewestBytes = 1552;  // of version 1
  static const std::uint32_t kBytes;                   // of this version

  std::atomic<std::uint32_t> size{
      0};  // of what is in use, for the program in the slot; 0: nobody has been in it
  std::atomic<std::uint32_t> version{0};
  // Written by the master, before the fork and while it supervises.
  std::atomic<SlotState> state{SlotState::kFree};
  Counter pid{0};  // 0 while no process has the slot
  Counter incarnation{0};
  Counter generation{0};
  Counter started_ns{0};   // monotonic
  Counter handed_over{0};  // parcels put into the channel for this incarnation
  Counter reclaimed{0};    // of those, received back untaken
  Counter handed_back{0};  // received from this incarnation
  // Of the slot: not cleared by Clear.
  Counter pool{0};  // a PoolId
  SlotTotals before;

  // Written by the worker. First what the master reads whenever it chooses this slot: one cache line.
  alignas(64) Counter taken{0};
  Counter finished{0};           // closed here, by the client's will or its fault
  Counter lost{0};               // closed here by ours
  Counter heartbeat_ns{0};       // monotonic; once a second while the loop turns
  Counter callback_since_ns{0};  // when the loop left its wait; 0 while it waits
  Counter returned{0};           // sent back
  Counter requests{0};
  Counter bytes_in{0};
  Counter bytes_out{0};
  std::array<Counter, kReasonRoom> lost_by{};
  Counter callbacks{0};  // that have ended
  Counter busy_ns{0};    // spent in them
  Counter rss_bytes{0};  // at the last heartbeat
  Counter cpu_ns{0};
  WaitHistogram dispatch_wait;  // of new connections, from accept to take
  Counter doing_since_ns{0};
  Counter doing_conn{0};
  RefusedCalls refused;
  CrashRecord crash;
  // What it is serving, or has served last: the text of the service, since when, for whom.
  SharedText doing;
  SharedText doing_peer;  // a SocketAddress's bytes

  // Readers. Live connections; parcels sent and not yet taken. Never negative, whatever the row holds.
  [[nodiscard]] std::uint64_t Connections() const;
  [[nodiscard]] std::uint64_t Queued() const;
  // Handed over to this incarnation and neither finished, lost, returned nor reclaimed.
  [[nodiscard]] std::uint64_t InProgress() const;
  // "GET /x from 10.0.0.1:5 for 0.3 s" while it is inside a callback, "nothing; last: GET /x from 10.0.0.1:5"
  // while it waits, "nothing" if it has not served yet.
  [[nodiscard]] std::string DescribeDoing(std::int64_t now_ns) const;
  // The address behind DescribeDoing; length 0 if there is none.
  [[nodiscard]] SocketAddress DoingPeer() const;
  // Adds to `before` what this incarnation has counted. Only by the master, once, behind its death.
  void AddToTotals();
  // For a new incarnation; only by the master, and only while no process has the slot.
  void Clear();
};

inline constexpr std::uint32_t WorkerRow::kBytes = offsetof(WorkerRow, doing_peer) + sizeof(SharedText);

}  // namespace preforkd

#endif
