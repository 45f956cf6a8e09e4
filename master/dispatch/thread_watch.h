// ThreadWatch: finds out that requests wait inside workers for an application thread. No message says so, and
// no parcel waits in the master then.
//
// It looks from time to time while a slot has more connections than application threads: only then can a
// request wait in it. Connections reach a slot by a hand-over and in no other way, so each hand-over tells
// when to begin.
#ifndef PREFORKD_MASTER_DISPATCH_THREAD_WATCH_H_
#define PREFORKD_MASTER_DISPATCH_THREAD_WATCH_H_

#include <optional>

#include "common/base/clock.h"
#include "master/dispatch/slot_book.h"

namespace preforkd {

class ThreadWatch {
 public:
  // The slots must outlive the watch.
  explicit ThreadWatch(const SlotBook& slots) : slots_(slots) {}

  // The slot was given connections: looks from now on if they are more than its threads.
  void Given(const Target& target, Time now);
  // Requests wait for a thread, in any slot. False also if no look is due; else it reads every slot.
  bool Look(Time now);
  // When the next look is due; nullopt: no slot has more connections than threads.
  [[nodiscard]] std::optional<Time> Next() const { return next_; }

 private:
  [[nodiscard]] Duration Interval() const;

  const SlotBook& slots_;
  std::optional<Time> next_;
};

}  // namespace preforkd

#endif
