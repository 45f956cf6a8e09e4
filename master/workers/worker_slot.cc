#include "master/workers/worker_slot.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "common/base/check.h"

namespace preforkd {

Status WorkerSlot::EnsureChannel() {
  if (channel_) return {};
  Result<SlotChannel> channel = SlotChannel::Create(ledger_, row_, kWireVersion);
  if (!channel.Ok()) return channel.Err();
  channel_.emplace(std::move(channel).Value());
  return {};
}

void WorkerSlot::DropChannel() {
  message_watch_.reset();
  channel_.reset();
}

void WorkerSlot::ForgetMirror() {
  if (channel_) channel_->ForgetMirror();
  mirror_.reset();
}

void WorkerSlot::Inherit(Inheritance inheritance) {
  mirror_ = std::move(inheritance.mirror);
  channel_ = SlotChannel::Inherit(std::move(inheritance.channel), ledger_, row_, *mirror_, inheritance.version,
                                  inheritance.shut);
}

Status WorkerSlot::Adopt(SpawnedProcess process, Incarnation incarnation, Time started_at, EventLoop& loop,
                         FdWatch::Callback on_exit, FdWatch::Callback on_message) {
  pid_ = process.pid;
  pidfd_ = std::move(process.pidfd);
  incarnation_ = incarnation;
  started_at_ = started_at;
  flood_.Reset();
  distrusted_ = false;
  loss_reason_ = LossReason::kCrash;
  exit_watch_ = std::make_unique<FdWatch>(loop, pidfd_.Get(), EventLoop::kPriorityControl, std::move(on_exit));
  message_watch_ =
      std::make_unique<FdWatch>(loop, channel_->MasterEnd(), EventLoop::kPriorityControl, std::move(on_message));
  if (Status status = exit_watch_->Want(Interest::kRead); !status.Ok()) return status;
  return message_watch_->Want(Interest::kRead);
}

Status WorkerSlot::SetListening(bool listening) {
  if (!message_watch_) return {};
  return message_watch_->Want(listening ? Interest::kRead : Interest::kNone);
}

void WorkerSlot::Distrust() {
  message_watch_.reset();
  distrusted_ = true;
}

bool WorkerSlot::Signal(int signo) {
  return pidfd_.Valid() && SignalProcess(pidfd_.Get(), signo);
}

void WorkerSlot::KillAndForget() {
  (void)KillAndAwait(pidfd_.Get());
  pid_.reset();
  exit_watch_.reset();
  message_watch_.reset();
  pidfd_.Reset();
}

std::optional<ExitReport> WorkerSlot::Reap() {
  PF_CHECK(pid_.has_value(), "a worker was waited for twice");
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.Get()), &info, WEXITED | WNOHANG);
  } while (result < 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return std::nullopt;
  // ECHILD: somebody (a debugger, SIGCHLD ignored by our parent) has taken its status. It is gone all the same.
  const ExitReport report = result == 0 ? ReportOf(info.si_code, info.si_status) : ExitReport::Unknown();
  pid_.reset();
  exit_watch_.reset();
  pidfd_.Reset();
  return report;
}

}  // namespace preforkd
