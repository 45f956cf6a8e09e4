#include "common/scoreboard/scoreboard.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <new>
#include <span>
#include <utility>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/sys_error.h"

namespace preforkd {

struct Scoreboard::Layout {
  MasterPage master;
  // Between the ledger and the rows: ConfineTo depends on it.
  std::array<ListenerRow, kMaxListenerRows> listeners;
  std::array<PoolRow, kMaxPoolRows> pools;
  std::array<ModuleCounterRow, kMaxModuleCounters> module_counters;
  ClientBook client_book;
  std::array<WorkerRow, kMaxSlots> rows;
  std::array<LineLedger, kMaxSlots> line_ledgers;
  // Uses no memory before the first line is written to it.
  std::array<std::array<char, LineBuffer::kCapacity>, kMaxSlots> lines;
  // No other program reads these, nor client_book.
  ClientRates client_rates;
  std::array<ClientNotes, kMaxSlots> client_notes;
};

static_assert(alignof(ClientBook) == kPageBytes && alignof(ClientRates) == kPageBytes &&
              alignof(ClientNotes) == kPageBytes);

const char* MasterStateName(MasterState state) {
  switch (state) {
    case MasterState::kStarting: return "starting";
    case MasterState::kServing: return "serving";
    case MasterState::kReloading: return "reloading";
    case MasterState::kStopping: return "stopping";
    case MasterState::kDegraded: return "degraded";
  }
  return "unknown";
}

void MasterPage::CountReload(ReloadResult result) {
  Add(reloads[result]);
  last_reload_served.store(result == ReloadResult::kServes, std::memory_order_relaxed);
}

const char* PoolStateName(PoolState state) {
  switch (state) {
    case PoolState::kStarting: return "starting";
    case PoolState::kServing: return "serving";
    case PoolState::kDegraded: return "degraded";
  }
  return "unknown";
}

namespace {

// Memory with a descriptor, so that the next program (upgrade) can map it too. The limit on file sizes
// applies to it (ftruncate(2), and SIGXFSZ, which is ignored). Memory is used only when it is written to.
// Invalid: it could not be allocated.
UniqueFd SharedMemory(std::size_t size) {
  UniqueFd memory(::memfd_create("preforkd-scoreboard", MFD_CLOEXEC));
  if (!memory.Valid()) return memory;
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  const bool sized = ::ftruncate(memory.Get(), static_cast<off_t>(size)) == 0;
  (void)::signal(SIGXFSZ, before);
  if (!sized) memory.Reset();
  return memory;
}

}  // namespace

Result<Scoreboard> Scoreboard::Create() {
  UniqueFd memory = SharedMemory(sizeof(Layout));
  const int anonymous = memory.Valid() ? 0 : MAP_ANONYMOUS;
  void* base = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | anonymous,
                      memory.Get(), 0);
  if (base == MAP_FAILED) return SysError("mmap", "scoreboard");
  // Constructs the master's page only: constructing the rows of all slots would touch, and so use, a page for
  // each. Use() constructs the rows of used slots. The rest of the memory is zero, which is what a new row
  // and a new ledger are.
  auto* const layout = static_cast<Layout*>(base);
  ::new (&layout->master) MasterPage;
  BoardHeader& header = layout->master.header;
  header.slots = kMaxSlots;
  header.bytes = sizeof(Layout);
  header.totals_bytes = offsetof(MasterPage, generation) - offsetof(MasterPage, pid);
  header.dropped_at = offsetof(MasterPage, log_lines_dropped);
  header.rows_at = offsetof(Layout, rows);
  header.row_stride = sizeof(WorkerRow);
  header.row_bytes = WorkerRow::kBytes;
  header.line_ledgers_at = offsetof(Layout, line_ledgers);
  header.lines_at = offsetof(Layout, lines);
  Scoreboard board(std::move(memory), layout);
  if (!MakeRandom(layout->client_book.key)) return SysError("getrandom");
  return board;
}

Scoreboard::Scoreboard(Scoreboard&& other) noexcept
    : memory_(std::move(other.memory_)), layout_(std::exchange(other.layout_, nullptr)) {}

Status Scoreboard::ConfineTo(Slot slot) const {
  if (!memory_.Valid()) return Error{"the scoreboard has no descriptor"};
  const UniqueFd readable(
      ::open(fmt::format("/proc/self/fd/{}", memory_.Get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable.Valid()) return SysError("open", "scoreboard");
  char* const base = reinterpret_cast<char*>(layout_);
  const auto protect = [&](const void* from, const void* to) -> Status {
    const auto at = static_cast<off_t>(static_cast<const char*>(from) - base);
    const auto size = static_cast<std::size_t>(static_cast<const char*>(to) - static_cast<const char*>(from));
    if (size == 0) return {};
    void* const mapped =
        ::mmap(base + at, size, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, readable.Get(), at);
    return mapped == MAP_FAILED ? Status(SysError("mmap", "scoreboard")) : Status();
  };
  const MasterPage& page = layout_->master;
  const WorkerRow* const own = &Row(slot);
  Status status = protect(&page, &page.log_lines_dropped);
  if (status.Ok()) status = protect(&page.ledger, own);
  if (status.Ok()) status = protect(own + 1, layout_->rows.data() + layout_->rows.size());
  const auto& notes = layout_->client_notes;
  if (status.Ok()) status = protect(notes.data(), &notes[Raw(slot)]);
  return status.Ok() ? protect(&notes[Raw(slot)] + 1, notes.data() + notes.size()) : status;
}

Scoreboard::~Scoreboard() {
  if (layout_ != nullptr) ::munmap(layout_, sizeof(Layout));
}

MasterPage& Scoreboard::Master() const { return layout_->master; }

ClientTables Scoreboard::Clients() const {
  return {layout_->client_book, layout_->client_rates, layout_->client_notes, layout_->master.slots_used};
}

namespace {

// How long to wait for a master that lost its CPU in the middle of a change. If it was stopped or killed
// there, a worker must not neglect its clients for longer.
constexpr Duration kMasterMayBeAway = std::chrono::milliseconds(100);
// How long to retry while the master keeps changing during each read.
constexpr Duration kMasterMayBeBusy = std::chrono::seconds(1);

}  // namespace

Accounting Scoreboard::AccountNow() const {
  const MasterPage& page = layout_->master;
  Accounting sum;
  sum.in_progress = Get(page.waiting);
  sum.finished = Get(page.finished_before) + Get(page.closed_parked);
  sum.evicted = Get(page.evicted);
  sum.lost = Get(page.lost);
  for (std::size_t i = 0; i < kLossReasons; ++i) sum.lost_by[i] = Get(page.lost_by[i]);
  for (const WorkerRow& row : std::span(layout_->rows).first(SlotsUsed())) {
    if (Get(row.handed_over) == 0) continue;
    // Each value is read once: a connection that ends meanwhile counts as in progress or as ended, not as
    // both or neither.
    const std::uint64_t finished = Get(row.finished);
    const std::uint64_t lost = Get(row.lost);
    const std::uint64_t gone = Get(row.reclaimed) + Get(row.handed_back) + finished + lost;
    sum.in_progress += Difference(Get(row.handed_over), gone);
    sum.finished += finished;
    sum.lost += lost;
    for (std::size_t i = 0; i < kLossReasons; ++i) sum.lost_by[i] += Get(row.lost_by[i]);
  }
  sum.parked = Get(page.parked);
  sum.accepted = Get(page.accepted);
  return sum;
}

Accounting Scoreboard::Account() const {
  Accounting sum;
  ReadAtOneMoment([&] { sum = AccountNow(); });
  return sum;
}

void Scoreboard::ReadAtOneMoment(const std::function<void()>& read) const {
  const MasterPage& master = layout_->master;
  const Time timeout_ends = Now() + kMasterMayBeBusy;
  Time give_up = Now() + kMasterMayBeAway;
  for (std::uint32_t last = 0;;) {
    const std::uint32_t before = master.ledger.load(std::memory_order_acquire);
    if (std::exchange(last, before) != before)
      give_up = std::min(Now() + kMasterMayBeAway, timeout_ends);  // it makes progress
    read();
    std::atomic_thread_fence(std::memory_order_acquire);
    const bool consistent = before % 2 == 0 && master.ledger.load(std::memory_order_relaxed) == before;
    if (consistent || Now() >= give_up) return;
    ::sched_yield();  // the master may be waiting for this very CPU
  }
}

WorkerRow& Scoreboard::Row(Slot slot) const {
  PF_CHECK(Raw(slot) < kMaxSlots, "slot number out of range");
  return layout_->rows[Raw(slot)];
}

LineBuffer Scoreboard::Lines(Slot slot) const {
  PF_CHECK(Raw(slot) < kMaxSlots, "slot number out of range");
  return {layout_->line_ledgers[Raw(slot)], layout_->lines[Raw(slot)]};
}

WorkerRow& Scoreboard::Use(Slot slot) const {
  WorkerRow& row = Row(slot);
  std::atomic<std::uint32_t>& used = layout_->master.slots_used;
  const std::uint32_t known = used.load(std::memory_order_relaxed);
  if (known <= Raw(slot)) {
    for (std::uint32_t i = known; i <= Raw(slot); ++i) {
      WorkerRow& fresh = *::new (&layout_->rows[i]) WorkerRow;
      fresh.version.store(WorkerRow::kVersion, std::memory_order_relaxed);
      fresh.size.store(WorkerRow::kBytes, std::memory_order_relaxed);
    }
    used.store(Raw(slot) + 1, std::memory_order_release);
  }
  return row;
}

std::span<ListenerRow> Scoreboard::Listeners() const {
  const std::uint32_t used = layout_->master.listener_rows_used.load(std::memory_order_acquire);
  return std::span(layout_->listeners).first(std::min(used, kMaxListenerRows));
}

ListenerRow* Scoreboard::AddListener() const {
  std::atomic<std::uint32_t>& used = layout_->master.listener_rows_used;
  const std::uint32_t index = used.load(std::memory_order_relaxed);
  if (index >= kMaxListenerRows) return nullptr;
  ListenerRow* const row = ::new (&layout_->listeners[index]) ListenerRow;
  used.store(index + 1, std::memory_order_release);
  return row;
}

std::span<PoolRow> Scoreboard::Pools() const {
  const std::uint32_t used = layout_->master.pools_used.load(std::memory_order_acquire);
  return std::span(layout_->pools).first(std::min(used, kMaxPoolRows));
}

PoolRow& Scoreboard::UsePool(PoolId pool) const {
  std::atomic<std::uint32_t>& used = layout_->master.pools_used;
  const std::uint32_t known = used.load(std::memory_order_relaxed);
  for (std::uint32_t i = known; i <= Raw(pool); ++i) ::new (&layout_->pools[i]) PoolRow;
  if (known <= Raw(pool)) used.store(std::uint32_t{Raw(pool)} + 1, std::memory_order_release);
  return layout_->pools[Raw(pool)];
}

std::span<ModuleCounterRow> Scoreboard::ModuleCounterRows() const {
  const std::uint32_t used = layout_->master.module_counters_used.load(std::memory_order_acquire);
  return std::span(layout_->module_counters).first(std::min<std::size_t>(used, kMaxModuleCounters));
}

void Scoreboard::AddModuleCounter(std::string_view service, std::string_view name,
                                  std::string_view help) const {
  std::atomic<std::uint32_t>& used = layout_->master.module_counters_used;
  const std::uint32_t index = used.load(std::memory_order_relaxed);
  PF_CHECK(index < kMaxModuleCounters, "no number is left for a counter of a module");
  ModuleCounterRow* const row = ::new (&layout_->module_counters[index]) ModuleCounterRow;
  row->service.Write(service);
  row->name.Write(name);
  row->help.Write(help);
  used.store(index + 1, std::memory_order_release);
}

const PoolRow* Scoreboard::PoolOf(const WorkerRow& row) const {
  const std::span<PoolRow> pools = Pools();
  const std::uint64_t pool = Get(row.pool);
  return pool < pools.size() ? &pools[pool] : nullptr;
}

std::uint32_t Scoreboard::SlotsUsed() const {
  return std::min(layout_->master.slots_used.load(std::memory_order_relaxed), kMaxSlots);
}

}  // namespace preforkd
