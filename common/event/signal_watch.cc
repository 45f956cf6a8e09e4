#include "common/event/signal_watch.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "common/base/log.h"
#include "common/base/sys_error.h"

namespace preforkd {

Result<std::unique_ptr<SignalWatch>> SignalWatch::Create(EventLoop& loop, std::initializer_list<int> signals,
                                                         Callback callback) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signo : signals) ::sigaddset(&set, signo);
  // SIG_SETMASK: a program that an upgrade has started has all signals blocked until here.
  if (::sigprocmask(SIG_SETMASK, &set, nullptr) < 0) return SysError("sigprocmask");
  UniqueFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.Valid()) return SysError("signalfd");
  std::unique_ptr<SignalWatch> watch(new SignalWatch(loop, std::move(fd), std::move(callback)));
  if (const Status status = watch->watch_.Want(Interest::kRead); !status.Ok()) return status.Err();
  return watch;
}

SignalWatch::SignalWatch(EventLoop& loop, UniqueFd fd, Callback callback)
    : fd_(std::move(fd)),
      callback_(std::move(callback)),
      watch_(loop, fd_.Get(), EventLoop::kPriorityControl, [this](Interest) { OnReadable(); }) {}

void SignalWatch::OnReadable() {
  signalfd_siginfo info{};
  // One for each wake-up: the callback may end the loop. What is left keeps the descriptor readable.
  const ssize_t size = ::read(fd_.Get(), &info, sizeof(info));
  if (size == static_cast<ssize_t>(sizeof(info))) {
    callback_(static_cast<int>(info.ssi_signo), static_cast<int>(info.ssi_pid));
  } else if (size < 0 && errno != EAGAIN && errno != EINTR) {
    log::Error(log::kSystemCallFailed, "{}", SysError("read", "signalfd").text);
  }
}

}  // namespace preforkd
