// The scoreboard: shared memory of the master and its workers, with one row for each slot and one page for
// the master.
//
// Counters (counters.h) have exactly one writing process each, named below; every process reads. There is no
// lock, so a worker killed at any point leaves nothing locked. At worst it leaves a torn line of text, which
// the reader detects (sequence number) and reports as empty.
// The master never trusts these numbers with its memory or its descriptors. A misbehaving worker can write
// wrong numbers into its own row, but into no other row (ConfineTo), except for lines on their way to the
// access log.
//
// Each program makes its own board. After an upgrade the new master also reads the previous program's board
// (foreign_board.h); the part that it reads only grows (board_layout.cc).
#ifndef PREFORKD_COMMON_SCOREBOARD_SCOREBOARD_H_
#define PREFORKD_COMMON_SCOREBOARD_SCOREBOARD_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/bounds/client_tables.h"
#include "common/scoreboard/board_header.h"
#include "common/scoreboard/counters.h"
#include "common/scoreboard/handshake_counters.h"
#include "common/scoreboard/line_buffer.h"
#include "common/scoreboard/load_marks.h"
#include "common/scoreboard/pool_row.h"
#include "common/scoreboard/reasons.h"
#include "common/scoreboard/shared_text.h"
#include "common/scoreboard/wait_histogram.h"
#include "common/scoreboard/worker_row.h"

namespace preforkd {

// Workers of two generations at once, extras included.
inline constexpr std::uint32_t kMaxSlots = 1024;
static_assert(LoadMarks::kSlots == kMaxSlots);
// Listeners of two configurations at once: during a reload there are the new and the old ones. An unused row
// takes no memory.
inline constexpr std::uint32_t kMaxListenerRows = 2048;
// One for each possible PoolId. An unused row takes no memory.
inline constexpr std::uint32_t kMaxPoolRows =
    std::uint32_t{std::numeric_limits<std::underlying_type_t<PoolId>>::max()} + 1;

// Kept when its listener is closed: if the same address is opened again, it continues to count here.
struct ListenerRow {
  std::atomic<bool> used{false};  // the listener is open
  std::atomic<bool> paused{false};
  Counter accepted{0};
  SharedText address;  // as bound: port 0 is the real number
  SharedText service;
};

// The names of one counter that the module of a service declares. Kept as long as the server runs, so that
// its number in the rows never means another one. Only the master writes.
struct ModuleCounterRow {
  SharedText service;
  SharedText name;
  SharedText help;
};

// kDegraded: it should serve, but no worker is ready and none could be started.
enum class MasterState : std::uint64_t { kStarting, kServing, kReloading, kStopping, kDegraded };
const char* MasterStateName(MasterState state);

// Resources used by the master's own process.
struct MasterUse {
  Counter rss_bytes{0};
  Counter virtual_bytes{0};
  Counter cpu_ns{0};
  Counter descriptors{0};
  Counter max_descriptors{0};
};

struct alignas(kPageBytes) MasterPage {
  // The master writes all of these.
  BoardHeader header;
  std::atomic<MasterState> state{MasterState::kStarting};
  // Slots from this one on have never had a worker: readers stop here.
  std::atomic<std::uint32_t> slots_used{0};
  // ---- totals: valid as long as the process runs, across upgrades ----
  Counter pid{0};
  Counter started_ns{0};       // monotonic
  Counter started_unix_ns{0};  // wall clock
  Counter accepted{0};
  // Connections that we ended: the sum of the cleared rows, and those that the master lost.
  Counter lost{0};
  std::array<Counter, kReasonRoom> lost_by{};
  Counter reclaimed{0};
  HandOverCounters handed_over;
  ReturnCounters handed_back;
  Counter closed_parked{0};  // ended while parked: by the peer, by the idle timeout, or evicted
                             // Part of closed_parked: closed by us for lack of room.
  Counter evicted{0};
  Counter finished_before{0};          // the sum of the cleared rows
  Counter requests_moved{0};           // of slots that have moved to another pool, from before the move
  WaitHistogram dispatch_wait_before;  // of the cleared rows
  RecycleCounters recycled;
  ReloadCounters reloads;
  UpgradeCounters upgrades;
  // Hand-overs that had to be retried: a channel was full, or too many descriptors were in flight.
  Counter channel_full{0};
  Counter too_many_in_flight{0};
  AcceptErrorCounters accept_errors;
  Counter calls_refused{0};  // system calls of workers
  // The sum of the cleared rows, by ModuleCounterRow.
  std::array<Counter, kMaxModuleCounters> module_counts_before{};
  HandshakeCounters handshakes_before;                 // of the cleared rows
  std::array<RestartCounters, kMaxPoolRows> restarts;  // by PoolId
  // ---- not totals: valid for this program and this moment ----
  Counter generation{0};
  Counter parked{0};
  Counter waiting{0};                          // held by the master and not parked (Ledger)
  std::atomic<bool> last_reload_served{true};  // the last reload succeeded
  MasterUse use;                               // at most some seconds old
  // Lines that could not be written. Every process adds to them, so with fetch_add, and on a separate page.
  alignas(kPageBytes) Counter log_lines_dropped{0};
  Counter access_lines_dropped{0};
  // Workers set them when a connection has ended there, the master when one has come back.
  LoadMarks load_marks;
  // Odd while the master moves connections from one counter to another. A reader that needs a correct sum
  // reads again until the value is even and the same before and after (Scoreboard::ReadAtOneMoment).
  alignas(kPageBytes) std::atomic<std::uint32_t> ledger{0};
  // Listener rows from this one on have never had a listener: readers stop here.
  std::atomic<std::uint32_t> listener_rows_used{0};
  // The same for pools.
  std::atomic<std::uint32_t> pools_used{0};
  // The same for counters of modules.
  std::atomic<std::uint32_t> module_counters_used{0};

  void CountReload(ReloadResult result);
};

// Every connection that was ever accepted, by where it is. accepted = in_progress + parked + finished + lost
// holds whenever the terms are read at one moment.
struct Accounting {
  std::uint64_t accepted = 0;
  std::uint64_t in_progress = 0;  // in a worker, on the way to one, or waiting for one
  std::uint64_t parked = 0;
  std::uint64_t finished = 0;
  std::uint64_t evicted = 0;  // of the finished: idle, and closed for lack of room
  std::uint64_t lost = 0;
  std::array<std::uint64_t, kLossReasons> lost_by{};

  [[nodiscard]] bool Exact() const { return accepted == in_progress + parked + finished + lost; }
};

// Owns the mapping. The master creates it before the first fork; children inherit the mapping, and only that.
class Scoreboard {
 public:
  // Error: the memory cannot be allocated.
  static Result<Scoreboard> Create();
  Scoreboard(Scoreboard&& other) noexcept;
  Scoreboard& operator=(Scoreboard&&) = delete;
  ~Scoreboard();

  // The memory behind the mapping, borrowed: the next program (upgrade) maps it. -1 if the system gives us
  // only memory without a descriptor (RLIMIT_FSIZE).
  [[nodiscard]] int Fd() const { return memory_.Get(); }

  // For a worker, at its start: makes everything read-only but its own row, its lines, its notes about
  // clients and the pages that every process writes. It cannot be undone, because the memory is mapped again
  // from a read-only descriptor. Needs /proc. Error: nothing, or only a part, was made read-only.
  [[nodiscard]] Status ConfineTo(Slot slot) const;

  [[nodiscard]] MasterPage& Master() const;
  // Precondition: slot < kMaxSlots.
  [[nodiscard]] WorkerRow& Row(Slot slot) const;
  // Lines of the slot's worker on their way to the access log. Same precondition.
  [[nodiscard]] LineBuffer Lines(Slot slot) const;
  // The row of a slot that gets a worker; from now on readers see it. Only by the master.
  [[nodiscard]] WorkerRow& Use(Slot slot) const;
  // The number of rows that readers must look at: 0 to this, exclusive.
  [[nodiscard]] std::uint32_t SlotsUsed() const;
  // The rows that have, or have had, a listener. Any process reads; only the master writes.
  [[nodiscard]] std::span<ListenerRow> Listeners() const;
  // Adds a row, which readers see from now on. nullptr: all kMaxListenerRows are in use. Only by the master.
  [[nodiscard]] ListenerRow* AddListener() const;
  // The pools that are, or have been, in a configuration; the index is a PoolId. Any process reads; only the
  // master writes.
  [[nodiscard]] std::span<PoolRow> Pools() const;
  // The row of a pool; from now on readers see it. Only by the master.
  [[nodiscard]] PoolRow& UsePool(PoolId pool) const;
  // The counters of modules that have a number; the index is the number. Any process reads; only the master
  // writes.
  [[nodiscard]] std::span<ModuleCounterRow> ModuleCounterRows() const;
  // Gives the next number, which readers see from now on. Only by the master. Precondition: fewer than
  // kMaxModuleCounters are in use.
  void AddModuleCounter(std::string_view service, std::string_view name, std::string_view help) const;
  // The pool of a slot's worker; nullptr: not set by the master yet, or overwritten by a misbehaving worker.
  [[nodiscard]] const PoolRow* PoolOf(const WorkerRow& row) const;
  // Calls `read` until everything it has read was of one moment for the master: between two changes of the
  // ledger. If the master is stopped in the middle of a change, the result after 100 ms is used as it is. Any
  // process. `read` must be short, and must start over at each call.
  void ReadAtOneMoment(const std::function<void()>& read) const;
  // The tables of bounds by client address; who writes them says client_tables.h.
  [[nodiscard]] ClientTables Clients() const;
  // All connections, at one moment.
  [[nodiscard]] Accounting Account() const;
  // The same, for use inside ReadAtOneMoment.
  [[nodiscard]] Accounting AccountNow() const;

 private:
  struct Layout;
  Scoreboard(UniqueFd memory, Layout* layout) : memory_(std::move(memory)), layout_(layout) {}
  UniqueFd memory_;
  Layout* layout_;
};

}  // namespace preforkd

#endif
