#include "common/scoreboard/foreign_board.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/base/sys_error.h"
#include "common/scoreboard/named_counters.h"

namespace preforkd {
namespace {

constexpr const char* kServerLines = "log_lines_dropped";
constexpr const char* kAccessLines = "access_lines_dropped";
constexpr std::uint64_t kCounterBytes = sizeof(Counter);

// Is [offset, offset + size) inside `whole`, and a place for a counter? Written so that nothing overflows.
bool Fits(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset % alignof(Counter) == 0 && size <= whole && offset <= whole - size;
}

bool AllFit(const std::map<std::string, std::uint64_t>& offsets, std::uint64_t size, std::uint64_t whole) {
  return std::all_of(offsets.begin(), offsets.end(),
                     [&](const auto& entry) { return Fits(entry.second, size, whole); });
}

// `count` of `size` each, from `offset` on.
bool TableFits(std::uint64_t offset, std::uint64_t count, std::uint64_t size, std::uint64_t whole) {
  constexpr std::uint64_t kReasonable = 1U << 20U;
  return count <= kReasonable && size <= kReasonable && size % alignof(Counter) == 0 && Fits(offset, count * size, whole);
}

bool MakesSense(const BoardDescription& d) {
  return TableFits(d.rows_at, d.slots, d.row_bytes, d.bytes) && Fits(d.row_state_at, kCounterBytes, d.row_bytes) &&
         AllFit(d.row_counters, kCounterBytes, d.row_bytes) &&
         (d.text_capacity != SharedText::kCapacity || AllFit(d.row_texts, sizeof(SharedText), d.row_bytes)) &&
         Fits(d.state_at, kCounterBytes, d.bytes) && AllFit(d.dropped, kCounterBytes, d.bytes) &&
         TableFits(d.line_ledgers_at, d.slots, sizeof(LineLedger), d.bytes) &&
         TableFits(d.lines_at, d.slots, d.line_capacity, d.bytes);
}

template <typename T>
T* At(char* base, std::uint64_t offset) {
  return reinterpret_cast<T*>(base + offset);
}

}  // namespace

Result<std::shared_ptr<ForeignBoard>> ForeignBoard::Map(UniqueFd&& memory, const BoardDescription& description,
                                                        MasterPage& dropped_into) {
  struct stat file {};
  if (::fstat(memory.Get(), &file) < 0) return SysError("fstat", "the old scoreboard");
  if (!MakesSense(description) || static_cast<std::uint64_t>(file.st_size) < description.bytes) {
    return Error{fmt::format("the old scoreboard has {} bytes and is not what it is said to be", file.st_size)};
  }
  void* base =
      ::mmap(nullptr, description.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory.Get(), 0);
  if (base == MAP_FAILED) return SysError("mmap", "the old scoreboard");
  return std::shared_ptr<ForeignBoard>(
      new ForeignBoard(std::move(memory), description, static_cast<char*>(base), dropped_into));
}

ForeignBoard::ForeignBoard(UniqueFd memory, BoardDescription description, char* base, MasterPage& dropped_into)
    : memory_(std::move(memory)), description_(std::move(description)), base_(base) {
  for (const auto& [name, to] : {std::pair(kServerLines, &dropped_into.log_lines_dropped),
                                 std::pair(kAccessLines, &dropped_into.access_lines_dropped)}) {
    const auto offset = description_.dropped.find(name);
    if (offset == description_.dropped.end()) continue;
    const auto* from = At<const Counter>(base_, offset->second);
    dropped_.push_back({from, to, Get(*from)});
  }
}

ForeignBoard::~ForeignBoard() {
  CollectDropped();
  ::munmap(base_, description_.bytes);
}

char* ForeignBoard::RowAt(Slot slot) const {
  return base_ + description_.rows_at + Raw(slot) * description_.row_bytes;
}

Result<std::unique_ptr<RowMirror>> ForeignBoard::Mirror(Slot slot, WorkerRow& into) {
  if (Raw(slot) >= description_.slots) return Error{fmt::format("the old scoreboard has no slot {}", Raw(slot))};
  auto mirror = std::make_unique<RowMirror>();
  mirror->board_ = shared_from_this();
  char* const row = RowAt(slot);
  VisitWorkerCounters(into, [&](const std::string& name, Counter& counter) {
    const auto offset = description_.row_counters.find(name);
    if (offset != description_.row_counters.end()) {
      mirror->counters_.push_back({At<const Counter>(row, offset->second), &counter});
    }
  });
  for (const auto& [name, to] : {std::pair("doing", &into.doing), std::pair("doing_peer", &into.doing_peer)}) {
    const auto offset = description_.row_texts.find(name);
    if (offset == description_.row_texts.end() || description_.text_capacity != SharedText::kCapacity) continue;
    mirror->texts_.push_back({At<const SharedText>(row, offset->second), to});
  }
  mirror->Refresh();
  return mirror;
}

void ForeignBoard::TakeOutOfService(Slot slot) {
  PF_CHECK(Raw(slot) < description_.slots, "a slot that the old scoreboard does not have");
  At<std::atomic<SlotState>>(RowAt(slot), description_.row_state_at)
      ->store(SlotState::kRetiring, std::memory_order_relaxed);
}

void ForeignBoard::Publish(MasterState state) {
  At<std::atomic<MasterState>>(base_, description_.state_at)->store(state, std::memory_order_relaxed);
}

void ForeignBoard::CollectDropped() {
  for (Dropped& dropped : dropped_) {
    const std::uint64_t now = Get(*dropped.from);
    // With fetch_add: our own workers add to it too.
    dropped.to->fetch_add(now - dropped.seen, std::memory_order_relaxed);
    dropped.seen = now;
  }
}

std::optional<LineBuffer> ForeignBoard::Lines(Slot slot) const {
  if (Raw(slot) >= description_.slots || description_.line_version != LineBuffer::kVersion ||
      description_.line_capacity != LineBuffer::kCapacity) {
    return std::nullopt;
  }
  auto* const ledger = At<LineLedger>(base_, description_.line_ledgers_at + Raw(slot) * sizeof(LineLedger));
  auto* const bytes = At<char>(base_, description_.lines_at + Raw(slot) * LineBuffer::kCapacity);
  return LineBuffer(*ledger, std::span<char, LineBuffer::kCapacity>(bytes, LineBuffer::kCapacity));
}

void RowMirror::Refresh() const {
  for (const Pair& pair : counters_) Set(*pair.to, Get(*pair.from));
}

void RowMirror::RefreshTexts() const {
  Refresh();
  for (const TextPair& pair : texts_) pair.to->Write(pair.from->Read());
}

}  // namespace preforkd
