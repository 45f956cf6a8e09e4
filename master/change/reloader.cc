#include "master/change/reloader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/log.h"

namespace preforkd {

Reloader::Reloader(const MasterParts& parts, ConfigApplier& applier, ConfigInputs inputs)
    : parts_(parts), applier_(applier), inputs_(std::move(inputs)) {}

void Reloader::Do(const BeginReload&) {
  parts_.manager.Reloading(
      fmt::format("reloading: generation {} serves", Raw(parts_.generations.Serving().number)));
  const MasterContext& context = parts_.context;
  load_ = std::make_unique<ConfigLoad>(context.loop, context.program, context.log.Fds(), inputs_,
                                       [this](const LoadedConfig& loaded) { OnLoaded(loaded); });
  load_->Run();
}

void Reloader::Do(const DropReload&) { load_.reset(); }

void Reloader::OnLoaded(const LoadedConfig& loaded) {
  load_.reset();
  if (loaded.config == nullptr) {
    std::vector<std::string> problems;
    for (const ConfigProblem& problem : loaded.problems) problems.push_back(problem.Text());
    const std::string why =
        fmt::format("the configuration has {} problem{}", problems.size(), problems.size() == 1 ? "" : "s");
    return Refuse(why, std::move(problems));
  }
  for (const ConfigProblem& warning : loaded.warnings)
    log::Warning(log::kConfigWarning, "{}", warning.Text());
  // While other processes looked at modules and certificates the first generation may have given up.
  if (!parts_.supervisor.Workers().MayReload()) return Refuse("no worker can be started now", {});
  if (const Status status = Prepare(*loaded.config); !status.Ok()) return Refuse(status.Err().text, {});
  parts_.generations.Prepare(loaded.config, loaded.certificates);
  const GenerationSpec& coming = parts_.generations.Coming();
  log::Notice({log::kReloadStarted, {{"generation", coming.number}, {"workers", coming.Workers()}}},
              "reload: starting {} workers of generation {}", coming.Workers(), Raw(coming.number));
  parts_.changes.Tell([](Change& change) { change.OnGenerationPrepared(); });
}

void Reloader::Refuse(const std::string& why, std::vector<std::string> problems) {
  parts_.changes.Tell([&](Change& change) { change.OnReloadRefused(why, std::move(problems)); });
}

Status Reloader::Prepare(const Config& config) {
  Status status = parts_.generations.HasNumbersFor(config);
  if (status.Ok()) status = parts_.listeners.Prepare(config);
  if (status.Ok()) status = parts_.control.Prepare(config);
  if (status.Ok()) status = parts_.pid_files.Prepare(config);
  if (!status.Ok()) {
    parts_.listeners.Abandon();
    parts_.control.Abandon();
  }
  return status;
}

void Reloader::Do(const StartGeneration&) {
  const MasterContext& context = parts_.context;
  preload_ = std::make_unique<PreloadRound>(
      context.loop, context.program, context.log.Fds(), parts_.generations.Coming().config,
      [this](Result<Preloads> preloads) { OnPreloaded(std::move(preloads)); });
  if (TimeToPreload(*parts_.generations.Coming().config) > Duration(0)) StartMissing();
  preload_->Run();
  // Only now: without a preload the workers were started meanwhile, or that failed, and a request that does
  // not wait gets this as its answer.
  parts_.changes.Tell([](Change& change) { change.OnGenerationStarted(); });
}

// Workers that exited while this program took over. Without a preload the new generation starts at once, in
// their place.
void Reloader::StartMissing() {
  if (parts_.changes.State().Current() != Change::State::kReplaced) return;
  for (const PoolSpec& pool : parts_.generations.Serving().pools)
    parts_.supervisor.Scale(pool.id, parts_.supervisor.Workers().Desired(pool.id));
}

void Reloader::OnPreloaded(Result<Preloads> preloads) {
  preload_.reset();
  const bool may_start = parts_.supervisor.Workers().MayReload();  // false: the server is stopping
  if (preloads.Ok() && may_start) {
    parts_.generations.SetPreloads(std::move(preloads).Value());
    return parts_.supervisor.Reload(parts_.generations.Coming());
  }
  Abandon(parts_.generations.Coming().number, may_start ? preloads.Err().text : "the server is stopping");
  parts_.changes.Tell([&](Change& change) { change.OnFleet(may_start); });
}

void Reloader::Abandon(Generation generation, const std::string& reason) {
  parts_.generations.Abandon();
  parts_.listeners.Abandon();
  parts_.control.Abandon();
  parts_.pid_files.Abandon();
  const std::string what = fmt::format("generation {} abandoned: {}", Raw(generation), reason);
  parts_.changes.Tell([&](Change& change) { change.OnAbandoned(generation, what); });
}

void Reloader::Do(const RefuseReload& action) {
  parts_.context.Page().CountReload(ReloadResult::kRefused);
  for (const std::string& problem : action.problems) {
    const std::size_t end = std::min(problem.find(": "), problem.size());
    const std::string_view place = std::string_view(problem).substr(0, end);
    const std::string_view why = std::string_view(problem).substr(std::min(end + 2, problem.size()));
    log::Error({log::kConfigProblem, {{"place", place}, {"why", why}}}, "{}", problem);
  }
  const std::string what = fmt::format("reload refused: {}; generation {} keeps serving", action.why,
                                       Raw(parts_.generations.Serving().number));
  log::Error({log::kReloadRefused, {{"why", action.why}}}, "{}", what);
  parts_.manager.ReloadEnded(
      fmt::format("reload refused: {}; {}", action.why, parts_.generations.ServingText()));
  parts_.waiters.Answer(action.waiters, {false, what, action.problems, {}});
}

void Reloader::Do(const EnterService& action) {
  const GenerationSpec& serving = parts_.generations.Serving();
  applier_.Apply(serving);
  parts_.pid_files.Commit(*serving.config);
  entered_ = action;
}

void Reloader::OnRelieved() {
  if (!entered_) return;
  const EnterService action = *std::exchange(entered_, std::nullopt);
  const GenerationSpec& serving = parts_.generations.Serving();
  std::string what = fmt::format("generation {} serves", Raw(serving.number));
  if (action.upgrade) {
    what += fmt::format(", version {} in place of {}", parts_.context.program.version, predecessor_);
  }
  Count(action.upgrade, ReloadResult::kServes, UpgradeResult::kServes);
  if (action.upgrade) {
    log::Notice({log::kUpgradeDone,
                 {{"generation", serving.number},
                  {"version", parts_.context.program.version},
                  {"from_version", predecessor_}}},
                "{}", what);
  } else {
    log::Notice({log::kReloadDone, {{"generation", serving.number}}}, "{}", what);
  }
  parts_.manager.ReloadEnded(parts_.generations.ServingText());
  parts_.waiters.Answer(action.waiters, {true, what, {}, {}});
  // After the answers: the clients of the old socket have got theirs.
  if (parts_.control.Closes(*serving.config)) {
    parts_.waiters.Dismiss(Refusal("the control socket closes; see the log for the outcome"));
  }
  parts_.control.Commit(*serving.config);
}

void Reloader::Do(const StayInService& action) {
  std::string what = action.reason;
  if (action.upgrade) {
    what += fmt::format("; the master already runs version {}, the workers still run version {}",
                        parts_.context.program.version, predecessor_);
  }
  Count(action.upgrade, ReloadResult::kAbandoned, UpgradeResult::kAbandoned);
  const std::string all =
      fmt::format("{}; generation {} keeps serving", what, Raw(parts_.generations.Serving().number));
  log::Error({log::kReloadAbandoned, {{"generation", action.abandoned}, {"why", action.reason}}}, "{}", all);
  parts_.manager.ReloadEnded(fmt::format("reload refused: {}; {}", what, parts_.generations.ServingText()));
  parts_.waiters.Answer(action.waiters, Refusal(all));
}

void Reloader::Count(bool upgrade, ReloadResult reload_result, UpgradeResult upgrade_result) {
  MasterPage& page = parts_.context.Page();
  if (upgrade) {
    Add(page.upgrades[upgrade_result]);
  } else {
    page.CountReload(reload_result);
  }
}

}  // namespace preforkd
