// AccessLog: takes the lines of one worker's answers to the file. They lie in shared memory until they are
// written, all at once: when the loop has nothing else to do, when there are many, and after kDelay at the
// latest; what the worker leaves there when it dies, the master writes (LineBuffer).
//
// It never waits. What cannot be written (disk full, pipe full) is tried again, and when there is no room for
// more, lines are dropped, counted, and spoken of in the server's log.
#ifndef PREFORKD_WORKER_CONNECTION_ACCESS_LOG_H_
#define PREFORKD_WORKER_CONNECTION_ACCESS_LOG_H_

#include <atomic>
#include <cstdint>

#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/idle_call.h"
#include "common/event/timer.h"
#include "common/scoreboard/line_buffer.h"
#include "common/structures/rate_limit.h"
#include "worker/connection/access_line.h"

namespace preforkd {

class AccessLog {
 public:
  static constexpr Duration kDelay = std::chrono::seconds(1);

  // `lines` may hold what a predecessor in the slot could not write. `dropped` is every process's.
  AccessLog(EventLoop& loop, WorkerId worker, AccessFormat format, LineBuffer lines,
            std::atomic<std::uint64_t>& dropped);
  ~AccessLog() { Flush(); }

  // Where lines go from now on, when what there is has gone to where they went.
  void SetOutput(UniqueFd fd);

  // One answer: `entry.worker` is filled in here. The parts are valid until the next Begin.
  AccessLine::Parts Begin(AccessEntry entry);
  // Adds the line, and returns its size; 0: there was no room, and it is dropped.
  std::size_t Put(const AccessLine::Parts& parts, std::uint64_t bytes, Duration duration);
  // Takes back what the last Put has added; nothing else may have been called in between.
  void Retract(std::size_t size) { lines_.Retract(size); }
  // The last line stays: sees to it that it is written.
  void Done();

 private:
  // Tries to write everything; false when that is not possible now.
  bool Flush();
  void Drop();
  void OnTrouble(LineBuffer::Progress progress, int errnum);

  WorkerId worker_;
  AccessLine line_;
  LineBuffer lines_;
  UniqueFd fd_;
  IdleCall idle_;
  Timer timer_;  // while lines wait
  OncePerSecond log_limit_;
  bool trouble_ = false;
  std::atomic<std::uint64_t>& dropped_;
  std::uint64_t dropped_here_ = 0;  // since the server's log has said so
};

}  // namespace preforkd

#endif
