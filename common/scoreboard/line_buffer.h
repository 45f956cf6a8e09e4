// LineBuffer: whole lines on their way to a file, in shared memory: if the writing process is killed, no line
// is lost and none is written twice.
//
// One process at a time uses it: the worker of the slot and, when that has ended, the master, which first
// finds out how far an interrupted write got (Recover). Each step is one store, so a killed process always
// leaves a consistent buffer. A misbehaving worker may leave anything in it: offsets are checked, and text is
// only text.
#ifndef PREFORKD_COMMON_SCOREBOARD_LINE_BUFFER_H_
#define PREFORKD_COMMON_SCOREBOARD_LINE_BUFFER_H_

#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace preforkd {

// The counters of the buffer. All zero: empty.
struct LineLedger {
  std::atomic<std::uint64_t> end;  // bytes of the buffer that hold whole lines
  // Twice the bytes of those that are written; odd while a write(2) is under way.
  std::atomic<std::uint64_t> progress;
  // The file: its inode number, and its size before the write.
  std::atomic<std::uint64_t> inode;
  std::atomic<std::uint64_t> size_before;
};

class LineBuffer {
 public:
  static constexpr std::size_t kCapacity = 32 * 1024;
  // Of one line with its line end: PIPE_BUF, so that a pipe takes it whole or not at all.
  static constexpr std::size_t kMaxLine = PIPE_BUF;

  enum class Progress {
    kWritten,  // one write is done; there may be more to write
    kShort,    // partly written: the disk has just become full. Try again later
    kFailed,   // nothing written; see errno
  };

  // Both must outlive this object.
  LineBuffer(LineLedger& ledger, std::span<char, kCapacity> bytes) : ledger_(ledger), bytes_(bytes) {}

  // `line` must end with a line feed. False, and no change, if there is no room.
  [[nodiscard]] bool Append(std::string_view line);
  // Removes the last line. Precondition: it has `size` bytes, and nothing was appended or written since.
  void Retract(std::size_t size);
  // The lines that are not written yet.
  [[nodiscard]] std::string_view Pending() const;

  // One write(2) of as many whole lines as possible: all of them into a file, at most PIPE_BUF bytes into
  // anything else, which may have several writers. If a full disk takes only a part of a line, that part is
  // removed again.
  Progress Write(int fd);

  // Call it when the process that used the buffer has ended: finds out how far its interrupted write got.
  // `fd` is the file and must be readable for that. If the file is another one by now, cannot be read or is
  // not a regular file, the write counts as done; that is wrong only if the process was killed in the
  // nanoseconds before the system call.
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
