// ModuleProbe: waits for a process that runs the code of a module, while the loop goes on.
//
// Owns the process. Kills it when its time is over, and on destruction. Master only.
#ifndef PREFORKD_MASTER_MODULES_MODULE_PROBE_H_
#define PREFORKD_MASTER_MODULES_MODULE_PROBE_H_

#include <functional>
#include <memory>
#include <string>

#include "common/event/event_loop.h"
#include "common/event/fd_watch.h"
#include "common/event/timer.h"
#include "master/modules/module_child.h"

namespace preforkd {

class ModuleProbe {
 public:
  // See ModuleChild::Finish. Called exactly once, from the loop; may destroy the probe.
  using Done = std::function<void(Result<std::string>)>;

  // `limit`: the time that the process has. Error: the process could not be started or watched; `done` is not
  // called.
  static Result<std::unique_ptr<ModuleProbe>> Start(EventLoop& loop, ModuleChild child, Duration limit,
                                                    Done done);
  // A child of this process has exited. True if it was this one, which is then handled.
  bool OnChildExit(pid_t pid);

  ModuleProbe(const ModuleProbe&) = delete;
  ModuleProbe& operator=(const ModuleProbe&) = delete;
  ~ModuleProbe() = default;

 private:
  ModuleProbe(EventLoop& loop, ModuleChild child, Duration limit, Done done);
  void OnExit();
  void OnOutput();

  ModuleChild child_;
  pid_t pid_;
  Done done_;
  FdWatch exit_watch_;
  FdWatch output_watch_;
  Timer deadline_;
};

// The same for a caller that has no loop, or may not go back to it: waits, `limit` at most.
Result<std::string> AwaitModuleChild(ModuleChild child, Duration limit);

}  // namespace preforkd

#endif
