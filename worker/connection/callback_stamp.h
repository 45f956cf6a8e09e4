// CallbackStamp: records in the scoreboard that code of a service runs, since when, and for how long: for the
// hang watch, and for the busy time of the worker. On the stack around each callback of the loop that calls
// such code. A nested callback is part of the outer one.
//
// Loop thread only: the row's fields have one writer.
#ifndef PREFORKD_WORKER_CONNECTION_CALLBACK_STAMP_H_
#define PREFORKD_WORKER_CONNECTION_CALLBACK_STAMP_H_

#include <cstdint>

#include "common/base/clock.h"
#include "common/scoreboard/worker_row.h"

namespace preforkd {

class CallbackStamp {
 public:
  explicit CallbackStamp(WorkerRow& row) : row_(row), inside_(Running(row)), begin_(Now()) {
    if (!inside_) Set(row_.callback_since_ns, static_cast<std::uint64_t>(ToNanoseconds(begin_)));
  }
  CallbackStamp(const CallbackStamp&) = delete;
  CallbackStamp& operator=(const CallbackStamp&) = delete;
  ~CallbackStamp() {
    if (inside_) return;
    Set(row_.callback_since_ns, 0);
    Add(row_.callbacks);
    Add(row_.busy_ns, static_cast<std::uint64_t>(ToNanoseconds(Now()) - ToNanoseconds(begin_)));
  }

  // A callback of this worker is on the stack.
  [[nodiscard]] static bool Running(const WorkerRow& row) { return Get(row.callback_since_ns) != 0; }
  // This one is part of another.
  [[nodiscard]] bool Nested() const { return inside_; }

 private:
  WorkerRow& row_;
  bool inside_;
  Time begin_;
};

}  // namespace preforkd

#endif
