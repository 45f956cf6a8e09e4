// SignalWatch: signals as events of the loop, by signalfd(2). The only file that blocks signals for it.
//
// The signals stay blocked for the life of the watch and no handler is installed. So no handler of the master
// can run in a freshly forked child; the child inherits a signal mask only, which child_setup.cc resets.
#ifndef PREFORKD_COMMON_EVENT_SIGNAL_WATCH_H_
#define PREFORKD_COMMON_EVENT_SIGNAL_WATCH_H_

#include <functional>
#include <initializer_list>
#include <memory>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"

namespace preforkd {

class SignalWatch {
 public:
  // `sender_pid` as the kernel reports it; 0 when the kernel itself sent the signal.
  using Callback = std::function<void(int signo, int sender_pid)>;

  // Blocks `signals` and delivers them to `callback`. Equal signals may arrive as one (signal(7)).
  static Result<std::unique_ptr<SignalWatch>> Create(EventLoop& loop, std::initializer_list<int> signals,
                                                     Callback callback);

 private:
  SignalWatch(EventLoop& loop, UniqueFd fd, Callback callback);
  void OnReadable();

  UniqueFd fd_;
  Callback callback_;
  FdWatch watch_;
};

}  // namespace preforkd

#endif
