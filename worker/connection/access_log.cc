#include "worker/connection/access_log.h"

#include <cerrno>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {
namespace {

// A write of this size is worth its cost. The rest of the buffer is for times when writes fail.
constexpr std::size_t kMany = LineBuffer::kCapacity / 2;
constexpr Duration kRetry = std::chrono::milliseconds(50);

}  // namespace

AccessLog::AccessLog(EventLoop& loop, WorkerId worker, AccessFormat format, LineBuffer lines,
                     std::atomic<std::uint64_t>& dropped)
    : worker_(worker),
      line_(format),
      lines_(lines),
      idle_(loop, [this] { Flush(); }),
      timer_(loop, EventLoop::kPriorityControl, [this] { Flush(); }),
      dropped_(dropped) {}

void AccessLog::SetOutput(UniqueFd fd) {
  if (fd_.Valid()) Flush();
  fd_ = std::move(fd);
  Flush();
}

AccessLine::Parts AccessLog::Begin(AccessEntry entry) {
  entry.worker = worker_;
  return line_.Begin(entry, std::chrono::system_clock::now());
}

std::size_t AccessLog::Put(const AccessLine::Parts& parts, std::uint64_t bytes, Duration duration) {
  const std::string_view line = line_.End(parts, bytes, duration);
  if (lines_.Append(line) || (!trouble_ && Flush() && lines_.Append(line))) return line.size();
  Drop();
  return 0;
}

void AccessLog::Done() {
  if (trouble_) return;  // the timer retries
  if (lines_.Pending().size() >= kMany) {
    Flush();
    return;
  }
  idle_.Request();
  if (!timer_.Pending()) timer_.SetAfter(kDelay);
}

void AccessLog::Drop() {
  ++dropped_here_;
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

bool AccessLog::Flush() {
  while (!lines_.Pending().empty()) {
    const LineBuffer::Progress progress = lines_.Write(fd_.Get());
    if (progress == LineBuffer::Progress::kWritten) continue;
    OnTrouble(progress, errno);
    return false;
  }
  timer_.Cancel();
  trouble_ = false;
  if (dropped_here_ > 0) {
    const std::uint64_t dropped = std::exchange(dropped_here_, 0);
    log::Warning({log::kAccessLogRestored, {{"dropped", dropped}}},
                 "the access log can be written again; {} lines were dropped", dropped);
  }
  return true;
}

void AccessLog::OnTrouble(LineBuffer::Progress progress, int errnum) {
  trouble_ = true;
  timer_.SetAfter(kRetry);
  // EBADF: the descriptor has not arrived yet. A full pipe is normal.
  if (progress == LineBuffer::Progress::kShort || errnum == EAGAIN || errnum == EBADF) return;
  if (const auto held_back = log_limit_.Allow(Now())) {
    log::Error({log::kAccessLogFailed, {{"suppressed", *held_back}}},
               "cannot write the access log, will retry: {}", ErrnoText(errnum));
  }
}

}  // namespace preforkd
