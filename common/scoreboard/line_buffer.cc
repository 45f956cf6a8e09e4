#include "common/scoreboard/line_buffer.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "common/base/file_tail.h"

namespace preforkd {
namespace {

// How much other processes may have appended behind an interrupted write; far more than they can.
constexpr std::size_t kSearched = std::size_t{8} << 20;

std::size_t WholeLines(std::string_view text) { return text.rfind('\n') + 1; }  // npos + 1 is 0

// How many bytes of `block` a write has brought into a file that has grown by `added` since. No two lines are
// equal.
std::size_t FindWritten(std::string_view block, std::string_view added) {
  const std::string_view first = block.substr(0, block.find('\n') + 1);
  const std::size_t start = added.find(first);
  if (start == std::string_view::npos) {  // perhaps a part of the first line, at the end
    const std::string_view tail = added.substr(WholeLines(added));
    return first.starts_with(tail) ? tail.size() : 0;
  }
  const std::string_view found = added.substr(start, block.size());
  const auto different = std::mismatch(found.begin(), found.end(), block.begin()).first;
  return static_cast<std::size_t>(different - found.begin());
}

}  // namespace

std::uint64_t LineBuffer::WrittenBytes() const {
  return std::min<std::uint64_t>(ledger_.progress.load(std::memory_order_relaxed) / 2, kCapacity);
}

std::string_view LineBuffer::Pending() const {
  const std::uint64_t end = std::min<std::uint64_t>(ledger_.end.load(std::memory_order_relaxed), kCapacity);
  const std::uint64_t begin = WrittenBytes();
  return begin < end ? std::string_view(bytes_.data() + begin, end - begin) : std::string_view();
}

bool LineBuffer::Append(std::string_view line) {
  const std::uint64_t end = std::min<std::uint64_t>(ledger_.end.load(std::memory_order_relaxed), kCapacity);
  if (line.size() > kCapacity - end) return false;
  std::memcpy(bytes_.data() + end, line.data(), line.size());
  ledger_.end.store(end + line.size(), std::memory_order_release);  // from here on the line exists
  return true;
}

void LineBuffer::Retract(std::size_t size) {
  const std::uint64_t end = ledger_.end.load(std::memory_order_relaxed);
  ledger_.end.store(end - std::min<std::uint64_t>(end, size), std::memory_order_release);
}

void LineBuffer::SetWritten(std::uint64_t bytes) {
  ledger_.progress.store(2 * bytes, std::memory_order_release);  // from here on they are written
  if (bytes < ledger_.end.load(std::memory_order_relaxed)) return;
  // Between these two stores the buffer counts as empty too: the written bytes reach beyond the end.
  ledger_.end.store(0, std::memory_order_release);
  ledger_.progress.store(0, std::memory_order_release);
}

std::string_view LineBuffer::Portion(std::string_view pending, bool regular) {
  if (regular) return pending.substr(0, WholeLines(pending));
  return pending.substr(0, WholeLines(pending.substr(0, kMaxLine)));
}

LineBuffer::Progress LineBuffer::Write(int fd) {
  struct stat file {};
  if (::fstat(fd, &file) < 0) return Progress::kFailed;
  const std::string_view block = Portion(Pending(), S_ISREG(file.st_mode));
  if (block.empty()) {  // can also be a misbehaving worker's text without a line end
    SetWritten(kCapacity);
    return Progress::kWritten;
  }
  if (mend_ && !EndsWithLine(fd) && ::write(fd, "\n", 1) != 1) return Progress::kFailed;
  mend_ = false;
  const std::uint64_t before = WrittenBytes();
  ledger_.inode.store(file.st_ino, std::memory_order_relaxed);
  ledger_.size_before.store(static_cast<std::uint64_t>(file.st_size), std::memory_order_relaxed);
  ledger_.progress.store(2 * before + 1, std::memory_order_release);
  ssize_t result = 0;
  do {
    // The journal's stream must not block either.
    result = S_ISSOCK(file.st_mode) ? ::send(fd, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                                    : ::write(fd, block.data(), block.size());
  } while (result < 0 && errno == EINTR);
  const int saved_errno = errno;
  const std::string_view written = block.substr(0, result > 0 ? static_cast<std::size_t>(result) : 0);
  const std::size_t torn = written.size() - WholeLines(written);
  if (torn > 0) mend_ = !TakeBack(fd, written, torn);
  SetWritten(before + WholeLines(written));
  errno = saved_errno;
  if (result < 0) return Progress::kFailed;
  return written.size() == block.size() ? Progress::kWritten : Progress::kShort;
}

void LineBuffer::Recover(int fd) {
  const std::uint64_t before = WrittenBytes();
  if (ledger_.progress.load(std::memory_order_acquire) % 2 == 0)
    return SetWritten(before);  // the process may have ended while it was emptying the buffer
  struct stat file {};
  const bool known = ::fstat(fd, &file) == 0;
  const bool regular = known && S_ISREG(file.st_mode);
  const std::string_view block = Portion(Pending(), regular || !known);
  std::size_t written = block.size();
  char probe = 0;
  if (regular && file.st_ino == ledger_.inode.load(std::memory_order_relaxed) &&
      ::pread(fd, &probe, 0, 0) == 0) {
    const auto size = static_cast<std::uint64_t>(file.st_size);
    std::uint64_t from = ledger_.size_before.load(std::memory_order_relaxed);
    if (from > size) from = 0;  // it has been truncated since (copytruncate)
    written = FindWritten(block, ReadAt(fd, from, std::min<std::uint64_t>(size - from, kSearched)));
    const std::string_view found = block.substr(0, written);
    const std::size_t torn = written - WholeLines(found);
    if (torn > 0) mend_ = !TakeBack(fd, found, torn);
    written -= torn;
  }
  SetWritten(before + written);
}

}  // namespace preforkd
