#include "master/change/config_applier.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "common/process/authority.h"
#include "common/process/bound_rules.h"
#include "common/process/identity_plan.h"
#include "common/process/limits.h"

namespace preforkd {
namespace {

// Keeps workers that run as the same user from reading or tracing this process. Root is out of their reach,
// but not a root without capabilities, as in a container: with TLS, whose keys are here, for every user.
void KeepMemoryToItself(const Config& config) {
  const bool has_keys = config.Gates() != nullptr;
  if (::geteuid() == 0 && !has_keys) return;
  const bool dumpable = !has_keys && std::all_of(config.pools.begin(), config.pools.end(),
                                                 [](const PoolConfig& pool) { return pool.worker.dumpable; });
  if (::prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0) == 0) return;
  log::Warning(log::kSystemCallFailed, "{}", SysError("prctl", "PR_SET_DUMPABLE").text);
}

}  // namespace

void ConfigApplier::Apply(const GenerationSpec& generation) {
  const Config& config = *generation.config;
  LogOutput& log = parts_.context.log;
  const LogFds before = log.Fds();
  if (const Status status = log.Apply(config.log); !status.Ok()) {
    log::Error({log::kLogReopenFailed, {{"why", status.Err().text}}}, "log not changed: {}",
               status.Err().text);
  }
  const LogFds logs = log.Fds();
  if (logs != before)
    parts_.supervisor.Logs().Reopen(logs, [](const Status&) {});  // the new workers still have the old files
  ApplyNumbers(generation);
  parts_.parking.Configure(config.parking, generation.services);
  // The routes change after that: what is left in the queue of a removed listener is for the workers from
  // before.
  parts_.listeners.Commit(config);
  ApplyRoutes(generation);
  parts_.listeners.UpdateAccepting();
  ApplyToProcess(config);
}

void ConfigApplier::ApplyNumbers(const GenerationSpec& generation) {
  log::SetIdentity({"master", std::nullopt, std::nullopt, generation.number});
  parts_.supervisor.Logs().Set(parts_.context.log.Fds());
  Set(parts_.context.Page().generation, Raw(generation.number));
  parts_.clients.Configure(BoundRulesOf(generation.config->limits));
}

void ConfigApplier::ApplyRoutes(const GenerationSpec& generation) {
  parts_.dispatcher.Configure(generation.config->dispatch, generation.RoutesOfConnections(),
                              UsableCpus().cpus);
}

void ConfigApplier::ApplyToProcess(const Config& config) {
  KeepMemoryToItself(config);
  Remark(config);
}

void ConfigApplier::Remark(const Config& config) {
  std::vector<std::string> remarks;
  const auto is_new = [&](const std::string& remark) {
    if (remark.empty()) return false;
    remarks.push_back(remark);
    return std::find(remarks_.begin(), remarks_.end(), remark) == remarks_.end();
  };
  for (const PoolConfig& pool : config.pools) {
    const auto named = [&](const std::string& remark) {
      return remark.empty() || config.pools.size() == 1 ? remark
                                                        : fmt::format("pool {}: {}", pool.name, remark);
    };
    const IdentityPlan plan = PlanIdentity(pool, OwnAuthority());
    const std::string identity = named(plan.remark);
    if (is_new(identity))
      log::Notice(
          {log::kIsolationMissing,
           {{"pool", pool.name}, {"isolation", "user"}, {"cause", plan.cause}, {"missing", plan.missing}}},
          "{}", identity);
    const std::string filter = named(FilterRemark(pool, CallFiltersExist()));
    if (is_new(filter))
      log::Warning({log::kIsolationMissing, {{"pool", pool.name}, {"isolation", "system_calls"}}}, "{}",
                   filter);
  }
  remarks_ = std::move(remarks);
}

}  // namespace preforkd
