// The scoreboard: shared memory between the master and its workers, one row a slot, one page for the master.
//
// Counters (counters.h) have exactly one writing process each, named below, and every process reads.
// There is no lock, so a worker that is killed in the middle of anything leaves nothing locked: the worst is
// a torn line of text, which the reader notices (the sequence number) and reports as empty.
// The master trusts nothing here with its memory or its descriptors: a wild worker can make numbers of its
// own row wrong, and no other can it write to (ConfineTo), but for lines on their way to the access log.
//
// Each program makes a board of its own. After an upgrade the new master goes on reading its predecessor's
// (foreign_board.h): what it reads there only grows (board_layout.cc).
#ifndef PREFORKD_COMMON_SCOREBOARD_SCOREBOARD_H_
#define PREFORKD_COMMON_SCOREBOARD_SCOREBOARD_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <type_traits>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/scoreboard/board_header.h"
#include "common/scoreboard/counters.h"
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
// The listeners of two configurations at once: a reload has those that come and those that leave. A row
// nobody has used takes no memory.
inline constexpr std::uint32_t kMaxListenerRows = 2048;
// One for each number that a pool can have. The same holds.
inline constexpr std::uint32_t kMaxPoolRows =
    std::uint32_t{std::numeric_limits<std::underlying_type_t<PoolId>>::max()} + 1;

// Kept when its listener is closed: the same address goes on counting here.
struct ListenerRow {
  std::atomic<bool> used{false};  // there is such a listener now
  std::atomic<bool> paused{false};
  Counter accepted{0};
  SharedText address;  // as bound: port 0 is the real number
  SharedText service;
};

// kDegraded: it should serve, and no worker is ready or could be started.
enum class MasterState : std::uint64_t { kStarting, kServing, kReloading, kStopping, kDegraded };
const char* MasterStateName(MasterState state);

// What the master's own process uses.
struct MasterUse {
  Counter rss_bytes{0};
  Counter virtual_bytes{0};
  Counter cpu_ns{0};
  Counter descriptors{0};
  Counter max_descriptors{0};
};

struct alignas(kPageBytes) MasterPage {
  // All written by the master.
  BoardHeader header;
  std::atomic<MasterState> state{MasterState::kStarting};
  // Slots from this one on have never had a worker: readers stop here.
  std::atomic<std::uint32_t> slots_used{0};
  // ---- totals: what is true for as long as the process lives, whichever program it runs ----
  Counter pid{0};
  Counter started_ns{0};       // monotonic
  Counter started_unix_ns{0};  // wall clock
  Counter accepted{0};
  // Clients cut off by us, in all incarnations whose rows have been cleared, and in the master.
  Counter lost{0};
  std::array<Counter, kReasonRoom> lost_by{};
  Counter reclaimed{0};
  HandOverCounters handed_over;
  ReturnCounters handed_back;
  Counter closed_parked{0};  // ended while parked: by the peer, or idle for too long, or evicted
  Counter evicted{
      0};  // of those: closed for lack of room, while neither their client nor their time wanted it
  Counter finished_before{0};          // finished in incarnations whose rows have been cleared
  Counter requests_moved{0};           // of slots that have gone to another pool, before they did
  WaitHistogram dispatch_wait_before;  // of the same
  RestartCounters restarts;
  RecycleCounters recycled;
  ReloadCounters reloads;
  UpgradeCounters upgrades;
  // Hand-overs that had to be tried again: a channel had no room, or too many descriptors were in flight.
  Counter channel_full{0};
  Counter too_many_in_flight{0};
  AcceptErrorCounters accept_errors;
  Counter calls_refused{0};  // system calls, to workers
  // ---- not totals: what is true of this program, and of this moment ----
  Counter generation{0};
  Counter parked{0};
  Counter waiting{0};                          // in the master's hands and not parked (Ledger)
  std::atomic<bool> last_reload_served{true};  // what is configured is what serves
  MasterUse use;                               // some seconds old at most
  // Lines that could not be written. Added to by every process, so with fetch_add, and on a page of their
  // own.
  alignas(kPageBytes) Counter log_lines_dropped{0};
  Counter access_lines_dropped{0};
  // Set by workers when a connection has ended there, and by the master when one has come back.
  LoadMarks load_marks;
  // Odd while the master moves connections from one counter to another: a reader who wants the sum to be
  // right reads again until it is even and the same before and after (Scoreboard::ReadAtOneMoment).
  alignas(kPageBytes) std::atomic<std::uint32_t> ledger{0};
  // Listener rows from this one on have never had a listener: readers stop here.
  std::atomic<std::uint32_t> listener_rows_used{0};
  // The same of pools.
  std::atomic<std::uint32_t> pools_used{0};

  void CountReload(ReloadResult result);
};

// Every connection that was ever accepted, by where it is: accepted = in_progress + parked + finished + lost,
// always, when read from one consistent moment.
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
  // Error: memory.
  static Result<Scoreboard> Create();
  Scoreboard(Scoreboard&& other) noexcept;
  Scoreboard& operator=(Scoreboard&&) = delete;
  ~Scoreboard();

  // The memory behind the mapping, borrowed: what a successor of this program maps. -1 where the system lets
  // us have only memory without a descriptor (RLIMIT_FSIZE).
  [[nodiscard]] int Fd() const { return memory_.Get(); }

  // In a worker, before it is one: all but its own row, its lines and the numbers that every process adds to
  // can only be read from now on, and that for good, because the memory comes from a descriptor for reading.
  // Needs /proc. Error: it stays as it was, or a part of it.
  [[nodiscard]] Status ConfineTo(Slot slot) const;

  [[nodiscard]] MasterPage& Master() const;
  // Precondition: slot < kMaxSlots.
  [[nodiscard]] WorkerRow& Row(Slot slot) const;
  // Lines of the slot's worker on their way to the access log. Same precondition.
  [[nodiscard]] LineBuffer Lines(Slot slot) const;
  // The row of a slot that gets a worker: readers see it from now on. Only by the master.
  [[nodiscard]] WorkerRow& Use(Slot slot) const;
  // Rows that readers have to look at: 0 to this, exclusive.
  [[nodiscard]] std::uint32_t SlotsUsed() const;
  // Those that have, or have had, a listener. Any process reads; only the master writes.
  [[nodiscard]] std::span<ListenerRow> Listeners() const;
  // One row more, which readers see from now on. nullptr: all kMaxListenerRows are in that span. Only by the
  // master.
  [[nodiscard]] ListenerRow* AddListener() const;
  // Those that are, or have been, in a configuration; the index is a PoolId. As with listeners.
  [[nodiscard]] std::span<PoolRow> Pools() const;
  // The row of a pool, which readers see from now on. Only by the master.
  [[nodiscard]] PoolRow& UsePool(PoolId pool) const;
  // The pool of a slot's worker; nullptr: the master has not said which, or a wild worker has written over
  // it.
  [[nodiscard]] const PoolRow* PoolOf(const WorkerRow& row) const;
  // Calls `read` until what it has read was of one moment for the master: between two changes of the ledger.
  // If the master is stopped in the middle of a change: after 100 ms, as it is. Any process; `read` must be
  // short, and begin anew each time.
  void ReadAtOneMoment(const std::function<void()>& read) const;
  // All connections, at one moment.
  [[nodiscard]] Accounting Account() const;
  // The same, from inside a ReadAtOneMoment.
  [[nodiscard]] Accounting AccountNow() const;

 private:
  struct Layout;
  Scoreboard(UniqueFd memory, Layout* layout) : memory_(std::move(memory)), layout_(layout) {}
  UniqueFd memory_;
  Layout* layout_;
};

}  // namespace preforkd

#endif
