#include "master/change_runner.h"

#include <utility>

namespace preforkd {

ChangeRunner::ChangeRunner(EventLoop& loop, std::function<void(const ChangeAction&)> execute)
    : execute_(std::move(execute)), deadline_(loop, EventLoop::kPriorityControl, [this] {
        Tell([](Change& change) { change.Tick(Now()); });
      }) {}

void ChangeRunner::Run() {
  if (running_) return;
  std::optional<ChangeAction> action = change_.NextAction();
  if (!action) return;  // as after most events of the workers
  running_ = true;
  for (; action; action = change_.NextAction()) execute_(*action);
  running_ = false;
  if (const auto next = change_.NextDeadline()) {
    deadline_.SetAt(*next);
  } else {
    deadline_.Cancel();
  }
}

}  // namespace preforkd
