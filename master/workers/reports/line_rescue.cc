#include "master/workers/reports/line_rescue.h"

#include <algorithm>
#include <cerrno>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {

void RescueLines(WorkerId worker, LineBuffer lines, int access) {
  lines.Recover(access);
  const auto count = [&lines] { return std::count(lines.Pending().begin(), lines.Pending().end(), '\n'); };
  const auto left = count();
  if (left == 0) return;
  LineBuffer::Progress progress = LineBuffer::Progress::kWritten;
  // Bounded: another worker that lies could add to them without end.
  for (std::size_t i = 0; i < LineBuffer::kCapacity && !lines.Pending().empty(); ++i) {
    progress = lines.Write(access);
    if (progress != LineBuffer::Progress::kWritten) break;
  }
  const int errnum = errno;
  log::Info({log::kAccessLogRescued, worker, {{"lines", left}, {"written", left - count()}}},
            "worker exited with {} unwritten access log lines; the master wrote {} of them", left,
            left - count());
  if (progress == LineBuffer::Progress::kWritten) return;
  log::Error({log::kAccessLogFailed, worker},
             "the other access log lines wait for the next worker in the slot: {}",
             progress == LineBuffer::Progress::kFailed ? ErrnoText(errnum) : "the log cannot take more now");
}

}  // namespace preforkd
