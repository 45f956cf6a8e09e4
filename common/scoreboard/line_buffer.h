// LineBuffer: whole lines on their way to a file, in shared memory: the death of the process that wrote them
// loses none, and doubles none.
//
// One process at a time uses it: the worker of the slot and, when that is dead, the master, which first finds
// out what an interrupted write has achieved (Recover). Each step is one store, so there is no moment at
// which a killed process leaves a buffer that means something else than its lines. What a wild worker leaves
// in it may be anything: offsets are checked, and text is only text.
#ifndef PREFORKD_COMMON_SCOREBOARD_LINE_BUFFER_H_
#define PREFORKD_COMMON_SCOREBOARD_LINE_BUFFER_H_

#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace preforkd {

// The part with numbers. All zero: empty.
struct LineLedger {
  std::atomic<std::uint64_t> end;  // bytes of the buffer that hold whole lines
  std::atomic<std::uint64_t>
      progress;  // twice the bytes of those that are written; odd while a write(2) is under way
  // The file that it goes to: its number, and its size before.
  std::atomic<std::uint64_t> inode;
  std::atomic<std::uint64_t> size_before;
};

class LineBuffer {
 public:
  static constexpr std::size_t kCapacity = 32 * 1024;
  // Of a line with its end: what a pipe takes whole or not at all.
  static constexpr std::size_t kMaxLine = PIPE_BUF;

  enum class Progress {
    kWritten,  // one write's worth; there may be more
    kShort,    // some of it: the disk has just become full. Try again, later
    kFailed,   // nothing; errno says why
  };

  // Both outlive this.
  LineBuffer(LineLedger& ledger, std::span<char, kCapacity> bytes) : ledger_(ledger), bytes_(bytes) {}

  // `line` ends with a line feed. False, and no change, when there is no room.
  [[nodiscard]] bool Append(std::string_view line);
  // Takes the last line back. Precondition: it has `size` bytes, and nothing has been appended or written
  // since.
  void Retract(std::size_t size);
  // What is not written yet.
  [[nodiscard]] std::string_view Pending() const;

  // One write(2) of as many whole lines as may go at once: all of them into a file, PIPE_BUF into anything
  // else, which may have several writers. A line of which a full file takes a part is taken back.
  Progress Write(int fd);

  // After the death of who used it: finds out what the write that it died in has achieved. `fd` is the file,
  // and must be readable for that; a file that is another one by now, that cannot be read, or that is no file
  // has surely got what was on its way, but for the few nanoseconds before the system call.
  void Recover(int fd);

 private:
  // The part of Pending() that one write may take.
  static std::string_view Portion(std::string_view pending, bool regular);
  [[nodiscard]] std::uint64_t WrittenBytes() const;
  void SetWritten(std::uint64_t bytes);

  LineLedger& ledger_;
  std::span<char, kCapacity> bytes_;
  bool mend_ = false;  // the file ends in a part of a line
};

}  // namespace preforkd

#endif
