#include "master/change/upgrader.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/log.h"
#include "master/change/saved_state.h"
#include "master/modules/preload_round.h"
#include "master/upgrade/replace.h"
#include "master/upgrade/state/state_codec.h"
#include "master/upgrade/state/state_file.h"

namespace preforkd {

Upgrader::Upgrader(const MasterParts& parts, std::vector<std::string> words, std::string path)
    : parts_(parts), words_(std::move(words)), path_(std::move(path)) {}

void Upgrader::Do(const StartPreflight&) {
  if (const Status begun = Begin(); !begun.Ok()) return Fail(begun.Err().text);
  log::Notice({log::kUpgradeCheck, {{"program", path_}}}, "upgrade: checking {}", path_);
  parts_.changes.Tell([](Change& change) { change.OnPreflightStarted(); });
}

Status Upgrader::Begin() {
  parts_.manager.Reloading(
      fmt::format("upgrading: generation {} serves", Raw(parts_.generations.Serving().number)));
  const Result<UpgradeState> state = SaveState(parts_, path_, nullptr);
  if (!state.Ok()) return state.Err();
  Result<UniqueFd> file = WriteStateFile(EncodeState(state.Value()));
  if (!file.Ok()) return file.Err();
  // The new program preloads what this one has, to try its workers.
  const Duration limit = Preflight::kTimeout + TimeToPreload(*parts_.generations.Serving().config);
  Result<std::unique_ptr<Preflight>> preflight =
      Preflight::Start(parts_.context.loop, path_, words_, std::move(file).Value(), limit,
                       [this](const Result<std::string>& verdict) { OnVerdict(verdict); });
  if (!preflight.Ok()) return preflight.Err();
  preflight_ = std::move(preflight).Value();
  return {};
}

void Upgrader::Do(const KillPreflight&) { preflight_.reset(); }

void Upgrader::OnVerdict(const Result<std::string>& verdict) {
  preflight_.reset();
  if (!verdict.Ok()) return Fail(verdict.Err().text);
  coming_version_ = verdict.Value();
  parts_.changes.Tell([](Change& change) { change.OnPreflightAccepted(Now()); });
}

void Upgrader::Do(const Replace&) {
  if (!parts_.supervisor.Workers().MayReload() || !parts_.supervisor.PrepareSave()) {
    return parts_.changes.Tell([](Change& change) { change.OnCannotReplaceYet(); });
  }
  parts_.dispatcher.Flush();
  Result<SecretFile> secrets = SecretFile::Create();
  if (!secrets.Ok()) return Fail(secrets.Err().text);
  const Result<UpgradeState> state = SaveState(parts_, path_, &secrets.Value());
  if (!state.Ok()) return Fail(state.Err().text);
  log::Notice({log::kUpgradeExec, {{"version", coming_version_}}}, "upgrade: version {} executes version {}",
              parts_.context.program.version, coming_version_);
  Fail(ReplaceProgram(path_, words_, state.Value()).text);
}

void Upgrader::Fail(const std::string& why) {
  parts_.changes.Tell([&](Change& change) { change.OnUpgradeFailed(why); });
}

void Upgrader::Do(const RefuseUpgrade& action) {
  Add(parts_.context.Page().upgrades[UpgradeResult::kRefused]);
  const std::string what = fmt::format("upgrade refused: {}; version {} keeps serving", action.why,
                                       parts_.context.program.version);
  log::Error({log::kUpgradeRefused, {{"why", action.why}}}, "{}", what);
  parts_.manager.ReloadEnded(
      fmt::format("upgrade refused: {}; {}", action.why, parts_.generations.ServingText()));
  parts_.waiters.Answer(action.waiters, Refusal(what));
}

void Upgrader::Do(const ReportReturn& action) {
  Add(parts_.context.Page().upgrades[UpgradeResult::kReturned]);
  const std::string what = fmt::format("upgrade refused: {}; version {} is back in service", return_reason_,
                                       parts_.context.program.version);
  log::Error({log::kUpgradeReturned, {{"version", parts_.context.program.version}, {"why", return_reason_}}},
             "{}", what);
  parts_.manager.ReloadEnded(
      fmt::format("upgrade refused: {}; {}", return_reason_, parts_.generations.ServingText()));
  parts_.waiters.Answer(action.waiters, Refusal(what));
}

}  // namespace preforkd
