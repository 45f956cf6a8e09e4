// PreloadRound: has the modules of a configuration preload, one after the other, each in a process that is
// thrown away and runs as the user of its pool. What they have loaded is sealed, for the workers to map.
#ifndef PREFORKD_MASTER_MODULES_PRELOAD_ROUND_H_
#define PREFORKD_MASTER_MODULES_PRELOAD_ROUND_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/event/event_loop.h"
#include "common/process/log_fds.h"
#include "common/process/preload_area.h"
#include "common/process/program.h"
#include "master/modules/module_child.h"
#include "master/system/trial_probe.h"

namespace preforkd {

// The time that all of them may take; 0: the configuration has no module with a preload.
Duration TimeToPreload(const Config& config);

// Waits for all of them: before the loop runs. `report`: logs what was loaded. Error: why the first one that
// failed did, with its service, behind what `places` has for that (ConfigOutcome::module_places).
Result<Preloads> PreloadNow(const std::shared_ptr<const Config>& config, const Program& program,
                            const LogFds& logs, bool report,
                            const std::map<std::string, std::string>& places = {});

// The same while the loop goes on. Drops everything on destruction.
class PreloadRound {
 public:
  // Called exactly once: in Run() if nothing is to be loaded, else from the loop. May destroy the round.
  using Done = std::function<void(Result<Preloads>)>;

  // `loop` and `program` outlive this. `logs`: where the processes log.
  PreloadRound(EventLoop& loop, const Program& program, const LogFds& logs,
               std::shared_ptr<const Config> config, Done done);
  void Run();
  // A child of this process has exited. True if it was one of these, which is then handled.
  bool OnChildExit(pid_t pid) { return probe_ != nullptr && probe_->OnChildExit(pid); }

  PreloadRound(const PreloadRound&) = delete;
  PreloadRound& operator=(const PreloadRound&) = delete;
  ~PreloadRound() = default;

 private:
  Status StartOne();
  void OnEnd(const Result<std::string>& answer);
  void Finish(Result<Preloads> outcome);

  EventLoop& loop_;
  const Program& program_;
  LogFds logs_;
  std::shared_ptr<const Config> config_;
  Done done_;
  std::vector<const ServiceConfig*> due_;  // the last one loads now, or is the next
  std::shared_ptr<PreloadArea> area_;      // of the one that loads
  Time begun_{};
  Preloads loaded_;
  std::unique_ptr<TrialProbe> probe_;
};

}  // namespace preforkd

#endif
