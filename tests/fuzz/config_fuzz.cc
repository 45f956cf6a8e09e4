// Fuzz target: a configuration from a file, from variables and from flags, with the types of the real
// program. It is refused with problems of one line each, or accepted; what is accepted and printed is read as
// the same configuration again.
//
// An input: the text of the file, up to a NUL; then, each up to a NUL, what overrides it:
// "PREFORKD_KEY=value" is a variable, "key=value" is a --set.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/check.h"
#include "common/config/config_loader.h"
#include "tests/fuzz/input.h"
#include "worker/connection/service.h"
#include "worker/module/module_service_type.h"
#include "worker/services/echo.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

namespace preforkd::testing {
namespace {

std::vector<ServiceDeclaration> ProgramTypes() {
  ServiceTypes types;
  types["http"] = HttpServiceType();
  types["echo"] = EchoServiceType();
  types["module"] = ModuleServiceType();
  types["status"] = StatusServiceType();
  return Declarations(types);
}

// What every module that is named declares: a setting of each kind.
ModuleDeclaration AnyModule() {
  using Kind = SettingKind;
  ModuleDeclaration module;
  module.name = "any";
  module.settings = {
      {.name = "motto", .min = "1", .max = "20", .fallback = "hello", .doc = "a text"},
      {.name = "speed", .kind = Kind::kNumber, .min = "1", .max = "9", .fallback = "3", .doc = "a number"},
      {.name = "open", .kind = Kind::kFlag, .fallback = "true", .doc = "a flag"},
      {.name = "mode",
       .kind = Kind::kChoice,
       .fallback = "fast",
       .doc = "a choice",
       .words = {"fast", "slow"}},
      {.name = "wants", .kind = Kind::kChoices, .doc = "choices", .words = {"red", "green"}}};
  module.preload = true;
  return module;
}

void CheckProblems(const std::vector<ConfigProblem>& problems) {
  for (const ConfigProblem& problem : problems) {
    PF_CHECK(!problem.where.empty() && !problem.text.empty(), "a problem that says nothing");
    const std::string text = problem.Text();
    PF_CHECK(
        std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }),
        "a control character in a problem");
  }
}

// With each module that it names.
ConfigOutcome Load(ConfigInputs inputs) {
  static const std::vector<ServiceDeclaration> types = ProgramTypes();
  inputs.file = "fuzz.toml";
  inputs.service_types = types;
  inputs.default_type = "http";
  ConfigOutcome outcome = LoadConfig(inputs);
  if (!outcome.modules_wanted.empty()) {
    PF_CHECK(outcome.config == nullptr, "a configuration whose modules are not known");
    for (const ModuleWanted& wanted : outcome.modules_wanted) {
      PF_CHECK(wanted.config != nullptr && !wanted.path.empty(), "a module that cannot be opened");
      inputs.modules.insert_or_assign(wanted.path, Result<ModuleDeclaration>(AnyModule()));
    }
    outcome = LoadConfig(inputs);
    PF_CHECK(outcome.modules_wanted.empty() || !outcome.problems.empty(), "a known module is wanted again");
  }
  CheckProblems(outcome.problems);
  CheckProblems(outcome.warnings);
  PF_CHECK((outcome.config == nullptr) == (!outcome.problems.empty() || !outcome.modules_wanted.empty()),
           "neither a configuration nor a problem, or both");
  return outcome;
}

// "PREFORKD_A=b" and "a=b".
void AddOverrides(Input& input, ConfigInputs& inputs) {
  std::vector<std::string> variables;
  for (int i = 0; i < 20 && !input.Empty(); ++i) {
    const std::string text(input.Text());
    const std::size_t equals = text.find('=');
    if (text.starts_with("PREFORKD_")) {
      variables.push_back(text);
    } else if (equals != std::string::npos) {
      inputs.flags.push_back({"--set", text.substr(0, equals), text.substr(equals + 1)});
    }
  }
  std::vector<const char*> environment;
  for (const std::string& variable : variables) environment.push_back(variable.c_str());
  environment.push_back(nullptr);
  inputs.environment = EnvironmentOverrides(environment.data());
}

void Run(Input input) {
  ConfigInputs inputs;
  inputs.text = std::string(input.Text());
  AddOverrides(input, inputs);
  const ConfigOutcome outcome = Load(inputs);
  if (outcome.config == nullptr) return;
  ConfigInputs again;
  again.text = PrintConfig(*outcome.config);
  const ConfigOutcome read = Load(again);
  PF_CHECK(read.config != nullptr, "what was printed is refused");
  PF_CHECK(*read.config == *outcome.config, "what was printed is another configuration");
  PF_CHECK(PrintConfig(*read.config) == *again.text, "it is printed in another way");
}

}  // namespace
}  // namespace preforkd::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  preforkd::testing::Run({data, size});
  return 0;
}
