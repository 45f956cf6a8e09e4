// ChangeRunner: the shell around Change (policy/change.h). Passes events on to it, has its actions executed
// in order, and wakes it at its deadline.
//
// An action may bring the next event while it is executed. That event's actions come behind those that wait
// already.
#ifndef PREFORKD_MASTER_CHANGE_CHANGE_RUNNER_H_
#define PREFORKD_MASTER_CHANGE_CHANGE_RUNNER_H_

#include <functional>

#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "master/policy/change/change.h"

namespace preforkd {

class ChangeRunner {
 public:
  ChangeRunner(EventLoop& loop, std::function<void(const ChangeAction&)> execute);

  // `event` is a call of one of Change's event functions.
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
