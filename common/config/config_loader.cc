// LoadConfig: the order in which the sources are applied. Each later one wins.
#include "common/config/config_loader.h"

#include <fmt/core.h>

#include <optional>

#include "common/base/quote.h"
#include "common/config/config_check.h"
#include "common/config/draft.h"
#include "common/config/file_walk.h"
#include "common/config/overrides.h"
#include "common/config/source_file.h"
#include "common/config/toml_reader.h"

namespace preforkd {
namespace {

// What serves when the command line names the listeners, or nothing does.
constexpr const char* kDefaultService = "default";
constexpr const char* kDefaultType = "http";
constexpr const char* kDefaultAddress = "127.0.0.1:8080";

// False: there is no tree to go on with.
bool ApplySource(const ConfigInputs& inputs, Draft& draft) {
  if (inputs.file.empty()) return true;
  const std::optional<std::string> text =
      inputs.text ? inputs.text : ReadSourceFile(inputs.file, draft.problems());
  if (!text) return false;
  const std::optional<TomlNode> document = ReadToml(*text, inputs.file, draft.problems());
  if (!document) return false;
  ApplyFile(*document, draft);
  return true;
}

// Whether the listeners are those of the command line, or the one there is without any.
bool UsesDefaultService(const ConfigInputs& inputs) {
  return inputs.file.empty() || !inputs.listen.empty();
}

void AddListener(const std::string& address, const Origin& origin, Draft& draft) {
  const std::size_t index = draft.AddListener(origin);
  draft.SetListener(index, "address", TextValue(address), origin);
  draft.SetListener(index, "service", TextValue(kDefaultService), origin);
}

// Before the environment and the flags are applied: they may name the default service's keys.
void ReplaceListeners(const ConfigInputs& inputs, Draft& draft) {
  draft.RemoveListeners();
  for (const std::string& address : inputs.listen) AddListener(address, {"--listen"}, draft);
  const Origin by_default{"default"};
  if (inputs.listen.empty()) AddListener(kDefaultAddress, by_default, draft);
  if (draft.FindService(kDefaultService)) return;
  const std::size_t index = draft.AddService(kDefaultService, by_default);
  draft.SetService(index, "type", TextValue(kDefaultType), by_default);
}

void RefuseWithoutListen(const char* flag, const char* key, const std::string& file, Draft& draft) {
  draft.problems().Add({flag},
                       fmt::format("is for what --listen serves; add --listen ADDR, or set service.NAME.{} "
                                   "in {}",
                                   key, Escaped(file)));
}

// --service and --root are keys of the default service, weaker than the other flags only.
void ApplyServiceFlags(const ConfigInputs& inputs, Draft& draft) {
  const auto apply = [&](const char* flag, const char* key, const std::string& value) {
    if (value.empty()) return;
    if (!UsesDefaultService(inputs)) return RefuseWithoutListen(flag, key, inputs.file, draft);
    ApplyFlags({{flag, Draft::ServiceKey(kDefaultService, key), value}}, draft);
  };
  apply("--service", "type", inputs.service_type);
  apply("--root", "root", inputs.root);
}

}  // namespace

ConfigOutcome LoadConfig(const ConfigInputs& inputs) {
  Draft draft;
  if (!ApplySource(inputs, draft)) return {nullptr, draft.problems().Sorted()};
  if (UsesDefaultService(inputs)) {
    ReplaceListeners(inputs, draft);
  } else if (draft.config().listen.empty()) {
    draft.problems().Add({inputs.file, 1, 1},
                         "no [[listen]]: nothing would be served; write one, or use --listen");
  }
  ApplyEnvironment(inputs.environment, draft);
  ApplyServiceFlags(inputs, draft);
  ApplyFlags(inputs.flags, draft);
  draft.ApplyServices();
  CheckConfig(inputs.service_types, draft);
  if (!draft.problems().None()) return {nullptr, draft.problems().Sorted()};
  return {std::make_shared<const Config>(std::move(draft.config())), {}};
}

}  // namespace preforkd
