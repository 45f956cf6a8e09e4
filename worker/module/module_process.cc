#include "worker/module/module_process.h"

#include <unistd.h>

#include <utility>

#include "common/base/exit_code.h"
#include "common/base/whole_io.h"
#include "worker/process/child_setup.h"

namespace preforkd {
namespace {

WorkerExit CannotStart(const WorkerStart& start, const Error& error) {
  start.scoreboard->Row(start.id.slot).startup.Write(error.text);
  return WorkerExit::kStartFailed;
}

WorkerExit Run(WorkerStart& start, const std::function<Status(const WorkerStart&)>& begin,
               const std::function<std::string(const WorkerStart&)>& answer) {
  if (begin) {
    if (const Status status = begin(start); !status.Ok()) return CannotStart(start, status.Err());
  }
  const Result<ChildDescriptors> descriptors = SetUpChild(start);
  if (!descriptors.Ok()) return CannotStart(start, descriptors.Err());
  // Standard output may be what a person asked for: --print-config. What the module prints is no part of it.
  (void)::dup2(STDERR_FILENO, STDOUT_FILENO);
  return WriteAll(descriptors.Value().channel.Get(), answer(start)) ? WorkerExit::kRetired
                                                                    : WorkerExit::kLoopFailed;
}

}  // namespace

WorkerEntry MakeModuleProcess(std::function<Status(const WorkerStart&)> begin,
                              std::function<std::string(const WorkerStart&)> answer) {
  return [begin = std::move(begin), answer = std::move(answer)](WorkerStart start) {
    // Not exit(3): the destructors of the module are user code as well, and nobody waits for them.
    ::_exit(static_cast<int>(Run(start, begin, answer)));
  };
}

}  // namespace preforkd
