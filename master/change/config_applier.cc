#include "master/change/config_applier.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/authority.h"
#include "common/process/identity_plan.h"
#include "common/process/limits.h"

namespace preforkd {
namespace {

// Workers of the same user could read this memory in /proc, and trace it. Root's is out of their reach.
void KeepMemoryToItself(bool dumpable) {
  if (::geteuid() == 0 || ::prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0) == 0) return;
  log::Warning("{}", SysError("prctl", "PR_SET_DUMPABLE").text);
}

}  // namespace

void ConfigApplier::Apply(const GenerationSpec& generation) {
  const Config& config = *generation.config;
  LogOutput& log = parts_.context.log;
  const LogFds before = log.Fds();
  if (const Status status = log.Apply(config.log); !status.Ok()) {
    log::Error("the log stays where it is: {}", status.Err().text);
  }
  const LogFds logs = log.Fds();
  if (logs != before)
    parts_.supervisor.ReopenLogs(logs, [](const Status&) {});  // this generation's have the old
  ApplyNumbers(generation);
  parts_.parking.Configure(config.parking, generation.services);
  parts_.listeners.Commit(config);
  ApplyToProcess(config);
}

void ConfigApplier::ApplyNumbers(const GenerationSpec& generation) {
  log::SetIdentity({"master", std::nullopt, std::nullopt, generation.number});
  parts_.supervisor.SetLogs(parts_.context.log.Fds());
  Set(parts_.context.Page().generation, Raw(generation.number));
  parts_.dispatcher.Configure(generation.config->dispatch, UsableCpus().cpus);
}

void ConfigApplier::ApplyToProcess(const Config& config) {
  KeepMemoryToItself(config.worker.dumpable);
  RemarkOnIdentity(config);
}

void ConfigApplier::RemarkOnIdentity(const Config& config) {
  const IdentityPlan plan = PlanIdentity(config, OwnAuthority());
  if (std::exchange(identity_remark_, plan.remark) != plan.remark && !plan.remark.empty())
    log::Notice("{}", plan.remark);
  const std::string filter = FilterRemark(config, CallFiltersExist());
  if (std::exchange(filter_remark_, filter) != filter && !filter.empty()) log::Warning("{}", filter);
}

}  // namespace preforkd
