#include "common/scoreboard/scoreboard.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "common/base/check.h"
#include "common/base/sys_error.h"

namespace preforkd {

struct Scoreboard::Layout {
  MasterPage master;
  std::array<WorkerRow, kMaxSlots> rows;
};

void SharedText::Write(std::string_view text) {
  const std::size_t size = std::min(text.size(), kCapacity);
  const std::uint32_t sequence = sequence_.load(std::memory_order_relaxed);
  sequence_.store(sequence + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  for (std::size_t i = 0; i * 8 < size; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i * 8, std::min<std::size_t>(8, size - i * 8));
    words_[i].store(word, std::memory_order_relaxed);
  }
  length_.store(static_cast<std::uint32_t>(size), std::memory_order_relaxed);
  sequence_.store(sequence + 2, std::memory_order_release);
}

std::string SharedText::Read() const {
  constexpr int kAttempts = 8;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint32_t before = sequence_.load(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    const std::size_t size = std::min<std::size_t>(length_.load(std::memory_order_relaxed), kCapacity);
    std::array<char, kCapacity> copy{};
    for (std::size_t i = 0; i * 8 < size; ++i) {
      const std::uint64_t word = words_[i].load(std::memory_order_relaxed);
      std::memcpy(copy.data() + i * 8, &word, 8);
    }
    std::atomic_thread_fence(std::memory_order_acquire);
    if (sequence_.load(std::memory_order_relaxed) == before) return {copy.data(), size};
  }
  return {};
}

const char* SlotStateName(SlotState state) {
  switch (state) {
    case SlotState::kFree: return "free";
    case SlotState::kStarting: return "starting";
    case SlotState::kReady: return "ready";
    case SlotState::kRetiring: return "retiring";
    case SlotState::kGone: return "gone";
  }
  return "unknown";  // a row is shared memory: whatever is in it must not stop a reader
}

const char* MasterStateName(MasterState state) {
  switch (state) {
    case MasterState::kStarting: return "starting";
    case MasterState::kServing: return "serving";
    case MasterState::kReloading: return "reloading";
    case MasterState::kStopping: return "stopping";
  }
  return "unknown";
}

namespace {
// The counters of a row are read one after another while they move: a difference may come out negative.
std::uint64_t Difference(std::uint64_t more, std::uint64_t less) { return more > less ? more - less : 0; }
}  // namespace

std::uint64_t WorkerRow::Connections() const { return Difference(Get(taken), Get(finished) + Get(returned)); }
std::uint64_t WorkerRow::Queued() const { return Difference(Get(handed_over), Get(reclaimed) + Get(taken)); }

void WorkerRow::Clear() {
  for (Counter* counter : {&pid, &incarnation, &generation, &started_ns, &handed_over, &reclaimed, &handed_back,
                           &taken, &finished, &returned, &requests, &bytes_in, &bytes_out, &heartbeat_ns,
                           &callback_since_ns, &rss_bytes, &cpu_ns}) {
    Set(*counter, 0);
  }
  ::new (&doing) SharedText;  // also mends a sequence number that a killed writer left odd
}

Result<Scoreboard> Scoreboard::Create() {
  void* memory =
      ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return SysError("mmap", "scoreboard");
  return Scoreboard(::new (memory) Layout);
}

Scoreboard::Scoreboard(Scoreboard&& other) noexcept : layout_(other.layout_) { other.layout_ = nullptr; }

Scoreboard::~Scoreboard() {
  if (layout_ != nullptr) ::munmap(layout_, sizeof(Layout));
}

MasterPage& Scoreboard::Master() const { return layout_->master; }

WorkerRow& Scoreboard::Row(Slot slot) const {
  PF_CHECK(Raw(slot) < kMaxSlots, "slot number out of range");
  return layout_->rows[Raw(slot)];
}

}  // namespace preforkd
