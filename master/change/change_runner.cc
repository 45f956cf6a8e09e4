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
  // Also without an action: a timer may fire slightly early (timer.h) and is not armed then.
  if (const auto next = change_.NextDeadline()) {
    deadline_.SetAt(*next);
  } else {
    deadline_.Cancel();
  }
}

}  // namespace preforkd
