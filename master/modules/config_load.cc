#include "master/modules/config_load.h"

#include <algorithm>
#include <utility>

namespace preforkd {
namespace {

constexpr int kMaxRounds = 3;

// Reads once. True: no module is wanted, or there is no further round.
bool Read(const ConfigInputs& inputs, int round, ConfigOutcome& outcome) {
  outcome = LoadConfig(inputs);
  if (outcome.modules_wanted.empty()) return true;
  if (round < kMaxRounds) return false;
  outcome.problems.push_back(
      {outcome.modules_wanted.front().where, "names another module each time it is read; try again"});
  outcome.modules_wanted.clear();
  return true;
}

// With the file that was opened, for the workers.
Result<ModuleDeclaration> Held(Result<ModuleDeclaration> module, const ModuleWanted& wanted) {
  if (module.Ok()) module.Value().file = wanted.config->services.front().module->file;
  return module;
}

Result<ModuleDeclaration> OpenOne(const ModuleWanted& wanted, const Program& program, Duration longest) {
  Result<ModuleChild> child = ModuleChild::Start(OpeningOf(wanted, program.describe_module), LogFds{});
  if (!child.Ok()) return child.Err();
  return DeclarationIn(AwaitModuleChild(std::move(child).Value(), TimeToOpen(wanted, longest)));
}

}  // namespace

ConfigOutcome LoadConfigWithModules(ConfigInputs inputs, const Program& program, Duration longest) {
  ConfigOutcome outcome;
  for (int round = 1; !Read(inputs, round, outcome); ++round) {
    for (const ModuleWanted& wanted : outcome.modules_wanted) {
      inputs.modules.insert_or_assign(wanted.path, Held(OpenOne(wanted, program, longest), wanted));
    }
  }
  return outcome;
}

ConfigLoad::ConfigLoad(EventLoop& loop, const Program& program, const LogFds& logs, ConfigInputs inputs,
                       Done done)
    : loop_(loop), program_(program), logs_(logs), inputs_(std::move(inputs)), done_(std::move(done)) {}

void ConfigLoad::Run() {
  ConfigOutcome outcome;
  if (Read(inputs_, ++rounds_, outcome)) {
    const Done done = std::move(done_);
    return done(std::move(outcome));  // may destroy this
  }
  wanted_ = std::move(outcome.modules_wanted);
  std::reverse(wanted_.begin(), wanted_.end());
  OpenNext();
}

void ConfigLoad::OpenNext() {
  while (!wanted_.empty()) {
    const Status status = Start(wanted_.back());
    if (status.Ok()) return;  // OnOpened goes on
    inputs_.modules.insert_or_assign(wanted_.back().path, status.Err());
    wanted_.pop_back();
  }
  Run();
}

Status ConfigLoad::Start(const ModuleWanted& wanted) {
  Result<ModuleChild> child = ModuleChild::Start(OpeningOf(wanted, program_.describe_module), logs_);
  if (!child.Ok()) return child.Err();
  Result<std::unique_ptr<ModuleProbe>> probe =
      ModuleProbe::Start(loop_, std::move(child).Value(), TimeToOpen(wanted),
                         [this](const Result<std::string>& answer) { OnOpened(DeclarationIn(answer)); });
  if (!probe.Ok()) return probe.Err();
  probe_ = std::move(probe).Value();
  return {};
}

void ConfigLoad::OnOpened(Result<ModuleDeclaration> module) {
  inputs_.modules.insert_or_assign(wanted_.back().path, Held(std::move(module), wanted_.back()));
  wanted_.pop_back();
  probe_.reset();
  OpenNext();
}

}  // namespace preforkd
