#include "master/change/change_runner.h"

#include <utility>

namespace preforkd {

ChangeRunner::ChangeRunner(EventLoop& loop, std::function<void(const ChangeAction&)> execute)
    : execute_(std::move(execute)), deadline_(loop, EventLoop::kPriorityControl, [this] {
        Tell([](Change& change) { change.Tick(Now()); });
      }) {}

void ChangeRunner::Run() {
  if (running_) return;
  running_ = true;
  for (auto action = change_.NextAction(); action; action = change_.NextAction()) execute_(*action);
  running_ = false;
  // Also when nothing was to be done: a timer may come a moment early (timer.h), and is not set by then.
  if (const auto next = change_.NextDeadline()) {
    deadline_.SetAt(*next);
  } else {
    deadline_.Cancel();
  }
}

}  // namespace preforkd
