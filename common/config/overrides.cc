#include "common/config/overrides.h"

#include <fmt/core.h>

#include <cctype>
#include <cstring>
#include <string>
#include <string_view>

#include "common/base/quote.h"
#include "common/config/nearest.h"

namespace preforkd {
namespace {

constexpr std::string_view kVariablePrefix = "PREFORKD_";
constexpr std::string_view kServicePrefix = "service.";

// "service.my-site.root" to "SERVICE_MY_SITE_ROOT".
std::string VariableName(std::string_view key) {
  std::string name;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    name.push_back(std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_');
  }
  return name;
}

std::vector<std::string> ServiceNames(const Draft& draft) {
  std::vector<std::string> names;
  for (const ServiceConfig& service : draft.config().services) names.push_back(service.name);
  return names;
}

// All keys that a variable could name.
std::vector<std::string> NamableKeys(const Draft& draft) {
  std::vector<std::string> keys = KeyNames(ConfigKeys());
  for (const std::string& service : ServiceNames(draft)) {
    for (const Key<ServiceConfig>& key : ServiceKeys()) keys.push_back(Draft::ServiceKey(service, key.name));
  }
  return keys;
}

bool IsListenKey(std::string_view key) {
  constexpr std::string_view kListen = "listen";
  return key.starts_with(kListen) &&
         (key.size() == kListen.size() || std::strchr("._[", key[kListen.size()]) != nullptr);
}

void ApplyToService(const ConfigOverride& change, Draft& draft) {
  const std::string_view rest = std::string_view(change.key).substr(kServicePrefix.size());
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || dot + 1 == rest.size()) {
    draft.problems().Add({change.source},
                         fmt::format("{} is no key; write service.NAME.KEY", Quoted(change.key)));
    return;
  }
  const std::string_view name = rest.substr(0, dot);
  const std::optional<std::size_t> index = draft.FindService(name);
  if (!index) {
    const std::vector<std::string> names = ServiceNames(draft);
    draft.problems().Add({change.source}, fmt::format("{}: there is no service {}{}", Escaped(change.key),
                                                      Quoted(name), DidYouMean(name, names)));
    return;
  }
  draft.SetService(*index, std::string(rest.substr(dot + 1)), TextValue(change.value), {change.source});
}

void Apply(const ConfigOverride& change, Draft& draft) {
  if (IsListenKey(change.key)) {
    draft.problems().Add({change.source},
                         fmt::format("{}: a listener is not set by key; use --listen ADDR or "
                                     "[[listen]] in the file",
                                     Escaped(change.key)));
  } else if (change.key.starts_with(kServicePrefix)) {
    ApplyToService(change, draft);
  } else {
    draft.Set(change.key, TextValue(change.value), {change.source});
  }
}

void UnknownVariable(const ConfigOverride& variable, const std::vector<std::string>& keys, Draft& draft) {
  std::vector<std::string> names;
  for (const std::string& key : keys) names.push_back(std::string(kVariablePrefix) + VariableName(key));
  const std::string hint = DidYouMean(variable.source, names);
  draft.problems().Add(
      {variable.source},
      "this variable names no key" +
          (hint.empty() ? "; write the key in capitals, its dots as underscores, or unset it" : hint));
}

void ApplyVariable(const ConfigOverride& variable, const std::vector<std::string>& keys, Draft& draft) {
  ConfigOverride change = variable;
  int matches = 0;
  for (const std::string& key : keys) {
    if (VariableName(key) != VariableName(variable.key)) continue;
    ++matches;
    change.key = key;
  }
  if (matches == 0 && !IsListenKey(variable.key)) return UnknownVariable(variable, keys, draft);
  if (matches > 1) {
    draft.problems().Add({variable.source},
                         fmt::format("several keys have this name, '{}' among them; use --set", change.key));
    return;
  }
  Apply(change, draft);
}

}  // namespace

std::vector<ConfigOverride> EnvironmentOverrides(const char* const* environment) {
  std::vector<ConfigOverride> overrides;
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=');
    if (!entry.starts_with(kVariablePrefix) || equals == std::string_view::npos) continue;
    const std::string_view name = entry.substr(0, equals);
    std::string key;
    for (const char c : name.substr(kVariablePrefix.size())) {
      key.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    }
    overrides.push_back({Escaped(name), key, std::string(entry.substr(equals + 1))});
  }
  return overrides;
}

void ApplyEnvironment(const std::vector<ConfigOverride>& environment, Draft& draft) {
  const std::vector<std::string> keys = NamableKeys(draft);
  for (const ConfigOverride& variable : environment) ApplyVariable(variable, keys, draft);
}

void ApplyFlags(const std::vector<ConfigOverride>& flags, Draft& draft) {
  for (const ConfigOverride& flag : flags) Apply(flag, draft);
}

}  // namespace preforkd
