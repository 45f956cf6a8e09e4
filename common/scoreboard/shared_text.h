// SharedText: a line of text in shared memory that one process writes and others read while it does.
#ifndef PREFORKD_COMMON_SCOREBOARD_SHARED_TEXT_H_
#define PREFORKD_COMMON_SCOREBOARD_SHARED_TEXT_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd {

// A sequence lock without a lock.
class SharedText {
 public:
  static constexpr std::size_t kCapacity = 232;

  // Cuts what is longer. One writer.
  void Write(std::string_view text);
  // Empty when the writer is in the middle of a write for longer than a few attempts (or died there).
  [[nodiscard]] std::string Read() const;

 private:
  std::atomic<std::uint32_t> sequence_{0};  // odd while being written
  std::atomic<std::uint32_t> length_{0};
  std::array<std::atomic<std::uint64_t>, kCapacity / 8> words_{};
};

}  // namespace preforkd

#endif
