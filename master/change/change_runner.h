// ChangeRunner: the shell around Change (policy/change.h). Passes events to it, has its actions executed in
// order, and calls Tick at its deadline.
//
// Executing an action may cause the next event. The actions of that event run after those that are queued.
#ifndef PREFORKD_MASTER_CHANGE_CHANGE_RUNNER_H_
#define PREFORKD_MASTER_CHANGE_CHANGE_RUNNER_H_

#include <functional>

#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "master/policy/change/change.h"

namespace preforkd {

class ChangeRunner {
 public:
  // `execute` carries out one action; it may call Tell.
  ChangeRunner(EventLoop& loop, std::function<void(const ChangeAction&)> execute);

  // `event` calls one of Change's event functions.
  template <typename Event>
  void Tell(const Event& event) {
    event(change_);
    Run();
  }
  [[nodiscard]] const Change& State() const { return change_; }

 private:
  void Run();

  std::function<void(const ChangeAction&)> execute_;
  Change change_;
  Timer deadline_;
  bool running_ = false;
};

}  // namespace preforkd

#endif
