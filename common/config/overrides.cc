// What does not come from the file: variables, and flags that stand for keys.

#include <fmt/core.h>

#include <cctype>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include "common/config/draft.h"
#include "common/config/keys.h"
#include "common/config/nearest.h"
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

// All keys that a variable could name; of a service those of every type, because a later source may set the
// type.
std::set<std::string> NamableKeys(const Draft& draft) {
  std::set<std::string> keys;
  for (const std::string& name : KeyNames(TopKeys())) keys.insert(name);
  std::vector<std::string> pools = Names(draft.pools);
  pools.emplace_back(kMainPoolName);
  for (const std::string& pool : pools) {
    for (const std::string& name : KeyNames(PoolKeys())) keys.insert(fmt::format("pool.{}.{}", pool, name));
  }
  for (const DraftSection& service : draft.services) {
    for (const std::string& name : KeyNames(ServiceKeys())) keys.insert(service.path + name);
    for (const ServiceDeclaration& type : *draft.types) {
      for (const Setting& setting : type.settings) keys.insert(service.path + setting.name);
    }
  }
  return keys;
}

bool IsListenKey(std::string_view key) {
  constexpr std::string_view kListen = "listen";
  return key.starts_with(kListen) &&
         (key.size() == kListen.size() || std::strchr("._[", key[kListen.size()]) != nullptr);
}

// nullptr: there is none of that name. The main pool is there without being written.
DraftSection* FindSection(std::string_view word, const std::string& name, const Origin& origin,
                          Draft& draft) {
  if (word == "service") return draft.FindService(name);
  DraftSection* pool = draft.FindPool(name);
  return pool == nullptr && name == kMainPoolName ? &draft.AddPool(name, origin) : pool;
}

// `word`: "service" or "pool", and what follows it in the key is NAME.KEY.
void WriteNamed(std::string_view word, const ConfigOverride& change, Strength strength, Draft& draft) {
  const std::string_view rest = std::string_view(change.key).substr(word.size() + 1);
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || dot + 1 == rest.size()) {
    return draft.problems.Add({change.source},
                              fmt::format("{} is no key; write {}.NAME.KEY", Quoted(change.key), word));
  }
  const std::string name(rest.substr(0, dot));
  DraftSection* section = FindSection(word, name, {change.source}, draft);
  if (section == nullptr) {
    const std::vector<std::string> names = Names(word == "pool" ? draft.pools : draft.services);
    return draft.problems.Add({change.source}, fmt::format("{}: there is no {} {}{}", Escaped(change.key),
                                                           word, Quoted(name), DidYouMean(name, names)));
  }
  section->Write(std::string(rest.substr(dot + 1)), {Written::Kind::kWord, change.value}, {change.source}, strength);
}

void Write(const ConfigOverride& change, Strength strength, Draft& draft) {
  if (IsListenKey(change.key)) {
    return draft.problems.Add({change.source},
                              fmt::format("{}: a listener is not set by key; use --listen ADDR or "
                                          "[[listen]] in the file",
                                          Escaped(change.key)));
  }
  for (const std::string_view word : {"service", "pool"}) {
    if (change.key.starts_with(fmt::format("{}.", word))) return WriteNamed(word, change, strength, draft);
  }
  draft.top.Write(change.key, {Written::Kind::kWord, change.value}, {change.source}, strength);
}

void UnknownVariable(const ConfigOverride& variable, const std::set<std::string>& keys, Draft& draft) {
  std::vector<std::string> names;
  for (const std::string& key : keys) names.push_back(std::string(kVariablePrefix) + VariableName(key));
  const std::string hint = DidYouMean(variable.source, names);
  draft.problems.Add(
      {variable.source},
      "this variable names no key" +
          (hint.empty() ? "; write the key in capitals, its dots as underscores, or unset it" : hint));
}

void WriteVariable(const ConfigOverride& variable, const std::set<std::string>& keys, Draft& draft) {
  ConfigOverride change = variable;
  int matches = 0;
  for (const std::string& key : keys) {
    if (VariableName(key) != VariableName(variable.key)) continue;
    ++matches;
    change.key = key;
  }
  if (matches == 0 && !IsListenKey(variable.key)) return UnknownVariable(variable, keys, draft);
  if (matches > 1) {
    return draft.problems.Add(
        {variable.source},
        fmt::format("several keys have this name, '{}' among them; use --set", change.key));
  }
  Write(change, Strength::kVariable, draft);
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
  const std::set<std::string> keys = NamableKeys(draft);
  for (const ConfigOverride& variable : environment) WriteVariable(variable, keys, draft);
}

void WriteFlags(const std::vector<ConfigOverride>& flags, Draft& draft) {
  for (const ConfigOverride& flag : flags) Write(flag, Strength::kFlag, draft);
}

}  // namespace preforkd
