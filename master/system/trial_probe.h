// TrialProbe: waits for a process that is thrown away, while the loop goes on.
//
// Owns the process. Kills it when its time is over, and on destruction. Master only.
#ifndef PREFORKD_MASTER_SYSTEM_TRIAL_PROBE_H_
#define PREFORKD_MASTER_SYSTEM_TRIAL_PROBE_H_

#include <functional>
#include <memory>

#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "master/system/trial_child.h"

namespace preforkd {

class TrialProbe {
 public:
  // How the process ended. Called exactly once, from the loop; may destroy the probe.
  using Done = std::function<void(const TrialEnd&)>;

  // `limit`: the time that it has. Error: the process could not be watched; `done` is not called.
  static Result<std::unique_ptr<TrialProbe>> Start(EventLoop& loop, TrialChild child, Duration limit,
                                                   Done done);
  // A child of this process has exited. True if it was this one, which is then handled.
  bool OnChildExit(pid_t pid);

  TrialProbe(const TrialProbe&) = delete;
  TrialProbe& operator=(const TrialProbe&) = delete;
  ~TrialProbe() = default;

 private:
  TrialProbe(EventLoop& loop, TrialChild child, Done done);
  void OnExit();
  void OnOutput();

  TrialChild child_;
  pid_t pid_;
  Done done_;
  FdWatch exit_watch_;
  FdWatch output_watch_;
  Timer deadline_;
};

// The same for a caller that has no loop, or may not go back to it: waits until the process has exited,
// `limit` at most.
Result<TrialEnd> AwaitTrial(TrialChild child, Duration limit);

}  // namespace preforkd

#endif
