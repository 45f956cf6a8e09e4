// AccessLog: writes one worker's access lines. Lines are collected in shared memory and written together:
// when the loop is idle, when many have collected, and after kDelay at the latest. If the worker crashes, the
// master writes the rest (LineBuffer).
//
// It never blocks. A failed write (disk full, pipe full) is retried. When the buffer is full, lines are
// dropped, counted and reported in the server's log.
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

  // `lines` may hold lines that the slot's previous worker could not write. `dropped` is the counter of all
  // processes.
  AccessLog(EventLoop& loop, WorkerId worker, AccessFormat format, LineBuffer lines,
            std::atomic<std::uint64_t>& dropped);
  ~AccessLog() { Flush(); }

  // Sets the file for future lines. The lines collected so far still go to the old file.
  void SetOutput(UniqueFd fd);

  // Starts the line of one response; sets `entry.worker`. The parts are valid until the next Begin.
  AccessLine::Parts Begin(AccessEntry entry);
  // Adds the line and returns its size in bytes; 0: the buffer is full and the line was dropped.
  std::size_t Put(const AccessLine::Parts& parts, std::uint64_t bytes, Duration duration);
  // Removes the line added by the last Put. Nothing else may have been called in between.
  void Retract(std::size_t size) { lines_.Retract(size); }
  // Keeps the line added by the last Put and schedules the write.
  void Done();

 private:
  // Tries to write everything. False if that is not possible now.
  bool Flush();
  void Drop();
  void OnTrouble(LineBuffer::Progress progress, int errnum);

  WorkerId worker_;
  AccessLine line_;
  LineBuffer lines_;
  UniqueFd fd_;
  IdleCall idle_;
  Timer timer_;  // runs while lines wait
  OncePerSecond log_limit_;
  bool trouble_ = false;
  std::atomic<std::uint64_t>& dropped_;
  std::uint64_t dropped_here_ = 0;  // since the last report in the server's log
};

}  // namespace preforkd

#endif
