#include "common/scoreboard/shared_text.h"

#include <algorithm>
#include <cstring>

namespace preforkd {

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

}  // namespace preforkd
