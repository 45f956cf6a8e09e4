#include "common/scoreboard/foreign_board.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// True if `count` items of `size` bytes from `offset` fit inside `whole` bytes and are aligned for counters.
// Cannot overflow.
bool TableFits(std::uint64_t offset, std::uint64_t count, std::uint64_t size, std::uint64_t whole) {
  constexpr std::uint64_t kReasonable = 1U << 20U;
  return count <= kReasonable && size <= kReasonable && size % alignof(Counter) == 0 &&
         offset % alignof(Counter) == 0 && count * size <= whole && offset <= whole - count * size;
}

Status Understood(const BoardHeader& header, std::uint64_t file_bytes) {
  if (header.magic != kBoardMagic) return Error{"the saved memory is not a scoreboard"};
  if (header.layout != kBoardLayout) {
    return Error{fmt::format("the old scoreboard has layout {}, and this program reads {}", header.layout,
                             kBoardLayout)};
  }
  const std::uint64_t whole = header.bytes;
  const bool fits = whole <= file_bytes && header.row_bytes >= WorkerRow::kMinBytes &&
                    header.row_bytes <= header.row_stride &&
                    TableFits(offsetof(MasterPage, pid), 1, header.totals_bytes, whole) &&
                    TableFits(header.dropped_at, 2, sizeof(Counter), whole) &&
                    TableFits(header.rows_at, header.slots, header.row_stride, whole) &&
                    TableFits(header.line_ledgers_at, header.slots, sizeof(LineLedger), whole) &&
                    TableFits(header.lines_at, header.slots, LineBuffer::kCapacity, whole);
  if (fits) return {};
  return Error{
      fmt::format("the header of the old scoreboard does not match its size of {} bytes", file_bytes)};
}

// Copies the counters from `begin` to `end`, as far as the first `known` bytes reach.
void CopyCounters(const void* from, void* to, std::size_t begin, std::size_t end, std::size_t known) {
  for (std::size_t at = begin; at + sizeof(Counter) <= std::min(end, known); at += sizeof(Counter)) {
    Set(*reinterpret_cast<Counter*>(static_cast<char*>(to) + at),
        Get(*reinterpret_cast<const Counter*>(static_cast<const char*>(from) + at)));
  }
}

}  // namespace

Result<std::shared_ptr<ForeignBoard>> ForeignBoard::Map(UniqueFd&& memory, MasterPage& dropped_into) {
  struct stat file {};
  if (::fstat(memory.Get(), &file) < 0) return SysError("fstat", "the old scoreboard");
  BoardHeader header;
  const ssize_t got = ::pread(memory.Get(), &header, sizeof(header), 0);
  if (got < 0) return SysError("pread", "the old scoreboard");
  if (got < static_cast<ssize_t>(sizeof(header))) return Error{"the old scoreboard is cut short"};
  const auto file_bytes = static_cast<std::uint64_t>(file.st_size);
  if (const Status status = Understood(header, file_bytes); !status.Ok()) return status.Err();
  void* base =
      ::mmap(nullptr, header.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory.Get(), 0);
  if (base == MAP_FAILED) return SysError("mmap", "the old scoreboard");
  return std::shared_ptr<ForeignBoard>(
      new ForeignBoard(std::move(memory), header, static_cast<char*>(base), dropped_into));
}

ForeignBoard::ForeignBoard(UniqueFd memory, const BoardHeader& header, char* base, MasterPage& page)
    : memory_(std::move(memory)), header_(header), base_(base), page_(page) {
  const auto* const theirs = reinterpret_cast<const Counter*>(base_ + header_.dropped_at);
  dropped_ = {Dropped{&theirs[0], &page_.log_lines_dropped, Get(theirs[0])},
              Dropped{&theirs[1], &page_.access_lines_dropped, Get(theirs[1])}};
}

ForeignBoard::~ForeignBoard() {
  CollectDropped();
  ::munmap(base_, header_.bytes);
}

void ForeignBoard::CopyTotals() const {
  const std::size_t begin = offsetof(MasterPage, pid);
  CopyCounters(base_, &page_, begin, offsetof(MasterPage, generation), begin + header_.totals_bytes);
  for (const Dropped& dropped : dropped_) dropped.to->fetch_add(dropped.seen, std::memory_order_relaxed);
}

void ForeignBoard::CopySlot(Slot slot, bool living, WorkerRow& into) const {
  if (Raw(slot) >= SlotsUsed()) return;
  const std::size_t begin = living ? offsetof(WorkerRow, pid) : offsetof(WorkerRow, pool);
  CopyCounters(&RowAt(slot), &into, begin, offsetof(WorkerRow, before) + sizeof(SlotTotals),
               header_.row_bytes);
}

std::uint32_t ForeignBoard::SlotsUsed() const {
  return std::min(Theirs().slots_used.load(std::memory_order_relaxed), header_.slots);
}

WorkerRow& ForeignBoard::RowAt(Slot slot) const {
  return *reinterpret_cast<WorkerRow*>(base_ + header_.rows_at + Raw(slot) * header_.row_stride);
}

Result<std::unique_ptr<RowMirror>> ForeignBoard::Mirror(Slot slot, WorkerRow& into) {
  if (Raw(slot) >= header_.slots) {
    return Error{fmt::format("the old scoreboard has no row for slot {}", Raw(slot))};
  }
  auto mirror = std::make_unique<RowMirror>(shared_from_this(), reinterpret_cast<const char*>(&RowAt(slot)),
                                            header_.row_bytes, into);
  mirror->Refresh();
  return mirror;
}

void ForeignBoard::TakeOutOfService(Slot slot) {
  PF_CHECK(Raw(slot) < header_.slots, "a slot that the old scoreboard does not have");
  RowAt(slot).state.store(SlotState::kRetiring, std::memory_order_relaxed);
}

void ForeignBoard::SetNoSuccessor(Slot slot) {
  PF_CHECK(Raw(slot) < header_.slots, "a slot that the old scoreboard does not have");
  if (header_.row_bytes < offsetof(WorkerRow, no_successor) + sizeof(Counter)) return;
  Set(RowAt(slot).no_successor, 1);
}

void ForeignBoard::Publish(MasterState state) { Theirs().state.store(state, std::memory_order_relaxed); }

void ForeignBoard::CollectDropped() {
  for (Dropped& dropped : dropped_) {
    const std::uint64_t now = Get(*dropped.from);
    // With fetch_add: our own workers add to it too.
    dropped.to->fetch_add(now - dropped.seen, std::memory_order_relaxed);
    dropped.seen = now;
  }
}

LineBuffer ForeignBoard::Lines(Slot slot) const {
  PF_CHECK(Raw(slot) < header_.slots, "a slot that the old scoreboard does not have");
  auto* const ledgers = reinterpret_cast<LineLedger*>(base_ + header_.line_ledgers_at);
  char* const bytes = base_ + header_.lines_at + Raw(slot) * LineBuffer::kCapacity;
  return {ledgers[Raw(slot)], std::span<char, LineBuffer::kCapacity>(bytes, LineBuffer::kCapacity)};
}

// Fields that a later version adds behind the texts are treated as counters.
void RowMirror::Refresh() const {
  CopyCounters(from_, &into_, offsetof(WorkerRow, taken), offsetof(WorkerRow, doing), bytes_);
  CopyCounters(from_, &into_, WorkerRow::kMinBytes, WorkerRow::kBytes, bytes_);
}

void RowMirror::RefreshTexts() const {
  Refresh();
  const auto& theirs = *reinterpret_cast<const WorkerRow*>(from_);
  into_.doing.Write(theirs.doing.Read());
  into_.doing_peer.Write(theirs.doing_peer.Read());
}

}  // namespace preforkd
