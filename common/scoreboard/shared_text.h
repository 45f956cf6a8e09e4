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

// A sequence lock: readers never block the writer.
class SharedText {
 public:
  static constexpr std::size_t kCapacity = 232;

  // Cuts text that is too long. One writer only.
  void Write(std::string_view text);
  // Empty if the writer stays in the middle of a write for more than a few attempts (or was killed there).
  [[nodiscard]] std::string Read() const;

 private:
  std::atomic<std::uint32_t> sequence_{0};  // odd while being written
  std::atomic<std::uint32_t> length_{0};
  std::array<std::atomic<std::uint64_t>, kCapacity / 8> words_{};
};

}  // namespace preforkd

#endif
