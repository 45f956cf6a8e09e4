// FrameNames: names for some of the frames in a CrashRecord, in shared memory: those in objects that only the
// worker has (modules). Text, one line for each: the index of the frame, a space, its name.
#ifndef PREFORKD_COMMON_SCOREBOARD_FRAME_NAMES_H_
#define PREFORKD_COMMON_SCOREBOARD_FRAME_NAMES_H_

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/scoreboard/counters.h"

namespace preforkd {

class FrameNames {
 public:
  static constexpr std::size_t kCapacity = 760;  // and a NUL

  // Cuts text that is too long. Async-signal-safe. Once in the life of a worker.
  void Write(std::string_view text);
  // The worker may have written anything.
  [[nodiscard]] std::string Read() const;
  void Clear();

 private:
  std::array<Counter, kCapacity / 8 + 1> words_{};
};

}  // namespace preforkd

#endif
