#include "master/modules/config_load.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/text/quote.h"
#include "master/tls/certificate_check.h"
#include "master/tls/certificate_ends.h"

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
  const ModuleTask task = OpeningOf(wanted, program.describe_module);
  return DeclarationIn(RunModule(task, TimeToOpen(wanted, longest), LogFds{}));
}

// Opens the files, if the configuration has gates. They are the ones that will be served.
bool OpenCertificates(LoadedConfig& loaded) {
  if (loaded.config == nullptr || loaded.config->Gates() == nullptr) return false;
  loaded.certificates.files = std::make_shared<const KeyFiles>(loaded.config->tls);
  return true;
}

void Refuse(std::vector<ConfigProblem> problems, LoadedConfig& loaded) {
  loaded.problems = std::move(problems);
  loaded.config = nullptr;
  loaded.warnings.clear();
  loaded.certificates = {};
}

void TakeAnswer(const Result<CertificateAnswer>& answer, LoadedConfig& loaded) {
  if (!answer.Ok()) {
    return Refuse({{loaded.certificate_places.front().chain,
                    fmt::format("tls.certificate: {}", Escaped(answer.Err().text))}},
                  loaded);
  }
  if (!answer.Value().problems.empty()) return Refuse(ProblemsOf(answer.Value(), loaded), loaded);
  if (answer.Value().facts.size() != loaded.certificate_places.size())
    return TakeAnswer(Error{"the answer about the certificates is not whole"}, loaded);
  loaded.certificates.facts = std::make_shared<const AllCertificateFacts>(answer.Value().facts);
}

Result<CertificateAnswer> CheckNow(const LoadedConfig& loaded, const Program& program, Duration longest) {
  Result<TrialChild> child = StartCertificateCheck(loaded.config, loaded.certificates.files,
                                                   program.describe_certificates, LogFds{});
  if (!child.Ok()) return child.Err();
  const Duration limit = TimeToCheck(*loaded.config, longest);
  const Result<TrialEnd> end = AwaitTrial(std::move(child).Value(), limit);
  return end.Ok() ? JudgeCertificates(end.Value(), limit) : end.Err();
}

LoadedConfig ReadWithModules(ConfigInputs inputs, const Program& program, Duration longest) {
  LoadedConfig loaded;
  for (int round = 1; !Read(inputs, round, loaded); ++round) {
    for (const ModuleWanted& wanted : loaded.modules_wanted) {
      inputs.modules.insert_or_assign(wanted.path, Held(OpenOne(wanted, program, longest), wanted));
    }
  }
  return loaded;
}

}  // namespace

std::vector<ConfigProblem> CertificateWarnings(const LoadedConfig& loaded, std::int64_t now) {
  std::vector<ConfigProblem> warnings;
  if (loaded.certificates.facts == nullptr) return warnings;
  const AllCertificateFacts& facts = *loaded.certificates.facts;
  for (const CertificateEnd& end : CertificateEnds(facts, now)) {
    const CertificatePlaces& places = loaded.certificate_places.at(end.certificate);
    const bool staple = end.IsOfStaple();
    warnings.push_back(
        {staple ? places.ocsp : places.chain,
         fmt::format("warning: tls.certificate.{}: {}", staple ? "ocsp" : "chain", TextOf(end, facts))});
  }
  return warnings;
}

LoadedConfig LoadConfigWithModules(ConfigInputs inputs, const Program& program, Duration longest) {
  LoadedConfig loaded = ReadWithModules(std::move(inputs), program, longest);
  if (OpenCertificates(loaded)) TakeAnswer(CheckNow(loaded, program, longest), loaded);
  return loaded;
}

LoadedConfig LoadConfigToPrint(ConfigInputs inputs, const Program& program) {
  return ReadWithModules(std::move(inputs), program, kModuleTimeout);
}

ConfigLoad::ConfigLoad(EventLoop& loop, const Program& program, const LogFds& logs, ConfigInputs inputs,
                       Done done)
    : loop_(loop), program_(program), logs_(logs), inputs_(std::move(inputs)), done_(std::move(done)) {}

void ConfigLoad::Run() {
  if (Read(inputs_, ++rounds_, loaded_)) return CheckCertificates();
  wanted_ = std::move(loaded_.modules_wanted);
  std::reverse(wanted_.begin(), wanted_.end());
  OpenNext();
}

Status ConfigLoad::Await(Result<TrialChild> child, Duration limit, TrialProbe::Done done) {
  if (!child.Ok()) return child.Err();
  Result<std::unique_ptr<TrialProbe>> probe =
      TrialProbe::Start(loop_, std::move(child).Value(), limit, std::move(done));
  if (!probe.Ok()) return probe.Err();
  probe_ = std::move(probe).Value();
  return {};
}

// ---- modules ----

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
  const Duration limit = TimeToOpen(wanted);
  ModuleTask task = OpeningOf(wanted, program_.describe_module);
  Result<TrialChild> child = StartModule(task, logs_);
  return Await(std::move(child), limit, [this, limit, task = std::move(task)](const TrialEnd& end) {
    OnOpened(DeclarationIn(JudgeModule(task, end, limit)));
  });
}

void ConfigLoad::OnOpened(Result<ModuleDeclaration> module) {
  inputs_.modules.insert_or_assign(wanted_.back().path, Held(std::move(module), wanted_.back()));
  wanted_.pop_back();
  probe_.reset();
  OpenNext();
}

// ---- certificates ----

void ConfigLoad::CheckCertificates() {
  if (!OpenCertificates(loaded_)) return Finish();
  const Duration limit = TimeToCheck(*loaded_.config, kModuleTimeout);
  const Status status = Await(StartCertificateCheck(loaded_.config, loaded_.certificates.files,
                                                    program_.describe_certificates, logs_),
                              limit, [this, limit](const TrialEnd& end) {
                                TakeAnswer(JudgeCertificates(end, limit), loaded_);
                                Finish();
                              });
  if (status.Ok()) return;
  TakeAnswer(status.Err(), loaded_);
  Finish();
}

void ConfigLoad::Finish() {
  const Done done = std::move(done_);
  done(std::move(loaded_));  // may destroy this
}

}  // namespace preforkd
