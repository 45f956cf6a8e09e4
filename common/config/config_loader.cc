// LoadConfig: the order in which the sources are applied. Each later one wins.
#include "common/config/config_loader.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "common/config/draft.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// The service when the command line names the listeners, or when there is no file.
constexpr const char* kDefaultService = "default";

// False: the source could not be read; stop here.
bool WriteSource(const ConfigInputs& inputs, Draft& draft) {
  if (inputs.file.empty()) return true;
  const std::optional<std::string> text =
      inputs.text ? inputs.text : ReadSourceFile(inputs.file, draft.problems);
  return text && WriteFile(*text, inputs.file, draft);
}

// True if the listeners come from the command line, or from the default without a file.
bool UsesDefaultService(const ConfigInputs& inputs) { return inputs.file.empty() || !inputs.listen.empty(); }

// Before the environment and the flags are applied: they may name keys of the services.
void ReplaceListeners(const ConfigInputs& inputs, Draft& draft) {
  draft.replaced = std::exchange(draft.listen, {});
  if (WriteModuleFiles(inputs, draft)) return;
  for (const std::string& address : inputs.listen) draft.AddListener(address, kDefaultService, {"--listen"});
  if (inputs.listen.empty()) draft.AddListener(kDefaultAddress, kDefaultService, kByDefault);
  if (draft.services.Find(kDefaultService) != nullptr) return;
  DraftSection& service = draft.services.Add(kDefaultService, kByDefault);
  service.Write("type", {Written::Kind::kWord, inputs.default_type}, kByDefault, Strength::kDefault);
}

void RefuseWithoutListen(const char* flag, const char* key, const std::string& file, Draft& draft) {
  draft.problems.Add({flag},
                     "is for what --listen serves; add --listen ADDR, or set service.NAME.{} "
                     "in {}",
                     key, Escaped(file));
}

// --service and --root are keys of the default service; only the other flags are stronger.
void WriteServiceFlags(const ConfigInputs& inputs, Draft& draft) {
  const auto write = [&](const char* flag, const char* key, const std::string& value) {
    if (value.empty()) return;
    if (!inputs.module_files.empty()) {
      return draft.problems.Add({flag}, "is not for what --module serves; leave one of the two out");
    }
    if (!UsesDefaultService(inputs)) return RefuseWithoutListen(flag, key, inputs.file, draft);
    WriteFlags({{flag, fmt::format("service.{}.{}", kDefaultService, key), value}}, draft);
  };
  write("--service", "type", inputs.service_type);
  write("--root", "root", inputs.root);
}

}  // namespace

ConfigOutcome LoadConfig(const ConfigInputs& inputs) {
  Draft draft;
  draft.types = &inputs.service_types;
  draft.modules = &inputs.modules;
  if (!WriteSource(inputs, draft)) return {nullptr, draft.problems.Sorted(), {}, {}, {}, {}, {}};
  if (UsesDefaultService(inputs)) {
    ReplaceListeners(inputs, draft);
  } else if (draft.listen.empty()) {
    draft.problems.Add({inputs.file, 1, 1},
                       "no [[listen]]: nothing would be served; write one, or use --listen");
  }
  if (!inputs.module_files.empty() && !UsesDefaultService(inputs)) {
    draft.problems.Add({"--module"}, "needs an address of its own beside a file; add --listen ADDR");
  }
  WriteEnvironment(inputs.environment, draft);
  WriteServiceFlags(inputs, draft);
  WriteFlags(inputs.flags, draft);
  Config config = ReadDraft(draft);
  CheckConfig(config, draft);
  std::vector<ModuleWanted> wanted = WantedModules(config, draft);
  if (!draft.problems.None() || !wanted.empty()) {
    return {nullptr, draft.problems.Sorted(), {}, std::move(wanted), {}, {}, {}};
  }
  ConfigOutcome outcome;
  outcome.warnings = draft.warnings.Sorted();
  for (ConfigProblem& warning : outcome.warnings) warning.text = "warning: " + warning.text;
  for (const DraftSection& section : draft.certificates) {
    outcome.certificate_places.push_back(
        {section.OriginOf("chain").Text(), section.OriginOf("key").Text(), section.OriginOf("ocsp").Text()});
  }
  outcome.client_ca_place = draft.top.OriginOf("tls.client_ca").Text();
  outcome.module_places = ModulePlaces(config, draft);
  outcome.config = std::make_shared<const Config>(std::move(config));
  return outcome;
}

}  // namespace preforkd
