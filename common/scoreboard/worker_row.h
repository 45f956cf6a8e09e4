// WorkerRow: the data that the master and the worker of one slot write about that worker.
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
#include "common/scoreboard/frame_names.h"
#include "common/scoreboard/handshake_counters.h"
#include "common/scoreboard/reasons.h"
#include "common/scoreboard/refused_calls.h"
#include "common/scoreboard/shared_text.h"
#include "common/scoreboard/wait_histogram.h"

namespace preforkd {

inline constexpr std::size_t kPageBytes = 4096;
// Counters of modules in one life of the server, over all services (ModuleCounterRow).
inline constexpr std::size_t kMaxModuleCounters = 128;

// States of a worker as the master sees them, plus `free` for an unused row. After an upgrade, workers of an
// older program read the numbers: append new ones, never change one. The same holds for MasterState.
enum class SlotState : std::uint64_t { kFree, kStarting, kReady, kRetiring, kGone };
inline constexpr std::size_t kSlotStates = 5;
const char* SlotStateName(SlotState state);

// Where a worker was when a signal killed it. Its signal handler writes it. The master reads it, and can name
// the addresses because it runs the same program at the same addresses; FrameNames has those in modules.
struct CrashRecord {
  static constexpr std::size_t kFrames = 48;
  Counter signo{0};
  Counter fault_address{0};
  Counter count{0};  // of valid frames
  std::array<Counter, kFrames> frames{};

  void Clear();
};

// The counts of all earlier incarnations of a slot in its current pool. Added to the row of the current one
// they give numbers that never go back.
struct SlotTotals {
  Counter incarnations{0};
  Counter requests{0};
  Counter bytes_in{0};
  Counter bytes_out{0};
  Counter cpu_ns{0};

  void Clear();
};

// On a page of its own: a worker can write to no other (Scoreboard::ConfineTo). It grows at its end only: the
// next program (upgrade) reads the fields that it knows (board_layout.cc). A new row is all zeros except
// `size` and `version`.
struct alignas(kPageBytes) WorkerRow {
  static constexpr std::uint32_t kVersion = 6;      // increment it with each field that is added
  static constexpr std::uint32_t kMinBytes = 1552;  // of version 1
  static const std::uint32_t kBytes;                // of this version

  // The bytes in use, as the program that uses the slot knows them; 0: never used.
  std::atomic<std::uint32_t> size{0};
  std::atomic<std::uint32_t> version{0};
  // Written by the master, before the fork and while it supervises.
  std::atomic<SlotState> state{SlotState::kFree};
  Counter pid{0};  // 0 while the slot has no process
  Counter incarnation{0};
  Counter generation{0};
  Counter started_ns{0};   // monotonic
  Counter handed_over{0};  // parcels put into the channel for this incarnation
  Counter reclaimed{0};    // of those, received back untaken
  Counter handed_back{0};  // received from this incarnation
  // Of the slot: Clear does not reset these.
  Counter pool{0};  // a PoolId
  SlotTotals before;

  // Written by the worker. The first cache line has what the master reads whenever it chooses a slot.
  alignas(64) Counter taken{0};
  Counter finished{0};           // closed here, because the client wanted it or by its fault
  Counter lost{0};               // closed here by our fault
  Counter heartbeat_ns{0};       // monotonic; once a second while the loop turns
  Counter callback_since_ns{0};  // when the loop left its wait; 0 while it waits
  Counter returned{0};           // sent to the master
  Counter requests{0};
  Counter bytes_in{0};
  Counter bytes_out{0};
  std::array<Counter, kReasonRoom> lost_by{};
  Counter callbacks{0};  // finished callbacks
  Counter busy_ns{0};    // time spent in them
  Counter rss_bytes{0};  // at the last heartbeat
  Counter cpu_ns{0};
  WaitHistogram dispatch_wait;  // of new connections, from accept to take
  Counter doing_since_ns{0};
  Counter doing_conn{0};
  RefusedCalls refused;
  CrashRecord crash;
  // What it is serving, or served last: the text of the service, since when, for which client.
  SharedText doing;
  SharedText doing_peer;  // the bytes of a SocketAddress
  // Since version 2. Before it is ready: what it does ("while it started service shop"). If it ends with
  // WorkerExit::kStartFailed: why ("service shop: ..."). Empty when it is ready.
  SharedText startup;

  // Since version 3: application threads. Written by the worker's ThreadGauge only. On a cache line of their
  // own, because the master reads them whenever it chooses a slot.
  alignas(64) Counter threads{0};  // 0: handlers run in the loop thread
  Counter threads_busy{0};
  Counter requests_waiting{0};       // complete requests that no thread has begun
  Counter threads_busy_since_ns{0};  // monotonic: when the last free thread became busy; 0 while one is free

  // Since version 4: what this worker has added to the counters of modules, by ModuleCounterRow. Written by
  // ModuleCounters only, in several threads, hence not on the line above.
  alignas(64) std::array<Counter, kMaxModuleCounters> module_counts{};

  // Since version 5: of `crash`.
  FrameNames frame_names;
  // Since version 5. Of a gate; written by GateService only.
  alignas(64) HandshakeCounters handshakes;

  // Since version 6. Written by the master before it tells the worker to retire. 1: no other worker has all
  // its services, so it finishes what clients have begun.
  Counter no_successor{0};

  // For readers: open connections; parcels sent and not yet taken. Never negative, whatever the row holds.
  [[nodiscard]] std::uint64_t Connections() const;
  [[nodiscard]] std::uint64_t Queued() const;
  // Handed over to this incarnation and neither finished, lost, returned nor reclaimed.
  [[nodiscard]] std::uint64_t InProgress() const;
  // It is inside a callback, or an application thread is busy.
  [[nodiscard]] bool Serving() const;
  // "GET /x from 10.0.0.1:5 for 0.3 s" while it serves (of several requests at once, the one that began
  // last), "nothing; last: GET /x from 10.0.0.1:5" while it waits, "nothing" if it has not served yet.
  // Without "from" if no client is concerned.
  [[nodiscard]] std::string DescribeDoing(std::int64_t now_ns) const;
  // The client in DescribeDoing; length 0 if there is none.
  [[nodiscard]] SocketAddress DoingPeer() const;
  // Adds the counts of this incarnation to `before`. Only by the master, once, after it has ended.
  void AddToTotals();
  // For a new incarnation; only by the master, and only while the slot has no process.
  void Clear();
};

inline constexpr std::uint32_t WorkerRow::kBytes = offsetof(WorkerRow, no_successor) + sizeof(Counter);

}  // namespace preforkd

#endif
