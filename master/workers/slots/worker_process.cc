#include "master/workers/slots/worker_process.h"

#include <utility>

#include "common/base/check.h"

namespace preforkd {

Status WorkerProcess::Watch(EventLoop& loop, int channel, FdWatch::Callback on_exit,
                            FdWatch::Callback on_message) {
  exit_watch_ = std::make_unique<FdWatch>(loop, PidFd(), EventLoop::kPriorityControl, std::move(on_exit));
  message_watch_ =
      std::make_unique<FdWatch>(loop, channel, EventLoop::kPriorityControl, std::move(on_message));
  if (Status status = exit_watch_->Want(Interest::kRead); !status.Ok()) return status;
  return message_watch_->Want(Interest::kRead);
}

Status WorkerProcess::SetReading(bool listening) {
  if (!message_watch_) return {};
  return message_watch_->Want(listening ? Interest::kRead : Interest::kNone);
}

void WorkerProcess::MarkUntrusted() {
  message_watch_.reset();
  untrusted_ = true;
}

LossReason WorkerProcess::LossReasonAtExit() const {
  return hang_.Aborted() ? LossReason::kHang : loss_reason_;
}

bool WorkerProcess::Reap() {
  PF_CHECK(Running(), "a worker was reaped twice");
  exit_ = spawner_.Reap(process_);
  if (!exit_) return false;
  StopWatching();
  return true;
}

void WorkerProcess::KillAndReap() {
  spawner_.KillAndReap(process_);
  exit_ = ExitReport::Unknown();
  StopWatching();
}

void WorkerProcess::StopWatching() {
  exit_watch_.reset();
  message_watch_.reset();
  process_.pidfd.Reset();
}

}  // namespace preforkd
