// Values that do not come from the file: variables, and flags that stand for keys.

#include <fmt/core.h>

#include <cctype>
#include <cstring>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "common/config/draft.h"
#include "common/config/keys.h"
#include "common/text/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

constexpr std::string_view kVariablePrefix = "PREFORKD_";

// "service.my-site.root" to "SERVICE_MY_SITE_ROOT".
std::string VariableName(std::string_view key) {
  std::string name;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    name.push_back(std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_');
  }
  return name;
}

// The keys that variables can name, each with its name as a variable has it. A service has the keys of every
// type and of every module here, because a later source may set the type and the file.
using VariableKeys = std::set<std::pair<std::string, std::string>>;

VariableKeys KeysOfVariables(const Draft& draft) {
  VariableKeys keys;
  const auto add = [&](const std::string& path, const std::vector<std::string>& names) {
    for (const std::string& name : names) keys.emplace(VariableName(path + name), path + name);
  };
  add("", KeyNames(TopKeys()));
  add(fmt::format("pool.{}.", kMainPoolName), KeyNames(PoolKeys()));
  for (const DraftSection& pool : draft.pools.sections) add(pool.path, KeyNames(PoolKeys()));
  for (const DraftSection& service : draft.services.sections) {
    add(service.path, KeyNames(ServiceKeys()));
    for (const ServiceDeclaration& type : *draft.types) {
      for (const Setting& setting : type.settings) add(service.path, {setting.name});
    }
    for (const auto& [path, module] : *draft.modules) {
      if (!module.Ok()) continue;
      for (const Setting& setting : module.Value().settings) add(service.path, {setting.name});
    }
  }
  return keys;
}

// `list`: the name of a [[list]], or that name as a variable has it.
bool IsKeyIn(std::string_view list, std::string_view key) {
  return key.starts_with(list) &&
         (key.size() == list.size() || std::strchr("._[", key[list.size()]) != nullptr);
}

bool IsListenKey(std::string_view key) { return IsKeyIn("listen", key); }

bool IsCertificateKey(std::string_view key) {
  return IsKeyIn("tls.certificate", key) || IsKeyIn("tls_certificate", key);
}

// The key continues with NAME.KEY after the word "service" or "pool". The main pool exists without being
// written.
void WriteNamed(NamedSections& named, const ConfigOverride& change, Strength strength, Draft& draft) {
  const std::string_view rest = std::string_view(change.key).substr(std::strlen(named.word) + 1);
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || dot + 1 == rest.size()) {
    return draft.problems.Add({change.source}, "{} is not a key; write {}.NAME.KEY", Quoted(change.key),
                              named.word);
  }
  const std::string name(rest.substr(0, dot));
  DraftSection* section = named.Find(name);
  if (section == nullptr && &named == &draft.pools && name == kMainPoolName) {
    section = &named.Add(name, {change.source});
  }
  if (section == nullptr) {
    return draft.problems.Add({change.source}, "{}: there is no {} {}{}", Escaped(change.key), named.word,
                              Quoted(name), DidYouMean(name, named.Names()));
  }
  section->Write(std::string(rest.substr(dot + 1)), {Written::Kind::kWord, change.value}, {change.source},
                 strength);
}

void Write(const ConfigOverride& change, Strength strength, Draft& draft) {
  if (IsListenKey(change.key)) {
    return draft.problems.Add({change.source},
                              "{}: a listener is not set by key; use --listen ADDR or "
                              "[[listen]] in the file",
                              Escaped(change.key));
  }
  if (IsCertificateKey(change.key)) {
    return draft.problems.Add({change.source},
                              "{}: a certificate is not set by key; write [[tls.certificate]] in the file",
                              Escaped(change.key));
  }
  for (NamedSections* named : {&draft.services, &draft.pools}) {
    if (change.key.starts_with(fmt::format("{}.", named->word)))
      return WriteNamed(*named, change, strength, draft);
  }
  draft.top.Write(change.key, {Written::Kind::kWord, change.value}, {change.source}, strength);
}

// Kubernetes tells each container of each Service beside it. For a Service named "preforkd" by these: PORT,
// PORT_80_TCP, SERVICE_HOST, SERVICE_PORT, SERVICE_PORT_HTTP, ... behind our prefix.
bool IsOfKubernetes(std::string_view key) {
  return key == "port" || key.starts_with("port_") || key == "service_host" || key == "service_port" ||
         key.starts_with("service_port_");
}

void UnknownVariable(const ConfigOverride& variable, const VariableKeys& keys, Draft& draft) {
  std::vector<std::string> names;
  for (const auto& [name, key] : keys) names.push_back(std::string(kVariablePrefix) + name);
  std::string hint = DidYouMean(variable.source, names);
  if (IsOfKubernetes(variable.key)) {
    hint = "; Kubernetes sets it for a Service named preforkd, unless the pod has enableServiceLinks: false";
  }
  if (hint.empty()) hint = "; write the key in capitals, its dots as underscores, or unset it";
  draft.problems.Add({variable.source}, "this variable names no key{}", hint);
}

void WriteVariable(const ConfigOverride& variable, const VariableKeys& keys, Draft& draft) {
  const std::string name = VariableName(variable.key);
  const auto first = keys.lower_bound({name, ""});
  if (IsListenKey(variable.key) || IsCertificateKey(variable.key))
    return Write(variable, Strength::kVariable, draft);
  if (first == keys.end() || first->first != name) return UnknownVariable(variable, keys, draft);
  const auto next = std::next(first);
  if (next != keys.end() && next->first == name) {
    return draft.problems.Add({variable.source}, "several keys have this name, '{}' among them; use --set",
                              next->second);
  }
  Write({variable.source, first->second, variable.value}, Strength::kVariable, draft);
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

void WriteEnvironment(const std::vector<ConfigOverride>& environment, Draft& draft) {
  if (environment.empty()) return;  // a file with many sections has very many keys
  const VariableKeys keys = KeysOfVariables(draft);
  for (const ConfigOverride& variable : environment) WriteVariable(variable, keys, draft);
}

void WriteFlags(const std::vector<ConfigOverride>& flags, Draft& draft) {
  for (const ConfigOverride& flag : flags) Write(flag, Strength::kFlag, draft);
}

}  // namespace preforkd
