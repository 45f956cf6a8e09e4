// ReadDraft: reads what the sources wrote by the tables of keys.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/config/draft.h"
#include "common/config/keys.h"
#include "common/text/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// ---- unknown keys ----

// 'dispatch.policy' for 'policy', if that is the only key with this ending.
std::string OnlyKeyThatEndsIn(std::string_view word, const std::vector<std::string>& keys) {
  std::string found;
  for (const std::string& key : keys) {
    if (!key.ends_with(fmt::format(".{}", word))) continue;
    if (!found.empty()) return {};
    found = key;
  }
  return found.empty() ? found : fmt::format("; did you mean '{}'?", found);
}

// Adds a problem with the nearest name; `names`: the keys that the section has.
void UnknownKey(const DraftSection& section, const Entry& entry, const std::vector<std::string>& names,
                Draft& draft) {
  std::vector<std::string> keys = KeyNames(TopKeys());
  for (const std::string& name : names) keys.push_back(section.path + name);
  std::string hint = draft.problems.Full() ? "" : DidYouMean(entry.path, keys);
  if (hint.empty()) hint = OnlyKeyThatEndsIn(entry.path, keys);
  if (hint.empty()) hint = "; --print-config shows all keys";
  draft.problems.Add(entry.origin, "unknown key {}{}", Quoted(entry.path), hint);
}

// A setting of another type, or of other modules, is reported as such.
void UnknownSetting(const DraftSection& section, const Entry& entry, const ServiceDeclaration& type,
                    Draft& draft) {
  const ServiceDeclaration* own = draft.FindType(type.type);
  if (own != nullptr && FindSetting(own->settings, entry.key) != nullptr) {
    const bool of_preload = entry.key == kPreloadMax || entry.key == kPreloadTimeout;
    return draft.problems.Add(
        entry.origin, "{}: {}; leave it out", entry.path,
        of_preload ? "a module without a preload has no such key"
                   : "a module with a protocol of its own has no such key, one that answers HTTP has");
  }
  for (const ServiceDeclaration& other : *draft.types) {
    if (FindSetting(other.settings, entry.key) == nullptr) continue;
    return draft.problems.Add(
        entry.origin, "{}: a service of type '{}' has no such key, one of type '{}' has; leave it out",
        entry.path, type.type, other.type);
  }
  std::vector<std::string> names = KeyNames(ServiceKeys());
  for (const Setting& setting : type.settings) names.push_back(setting.name);
  UnknownKey(section, entry, names, draft);
}

// ---- sections ----

// nullopt: it cannot be used, and a problem was added, here or when the entry was collected.
std::optional<SettingValue> ReadEntry(const Setting& setting, Entry& entry, Draft& draft) {
  if (!entry.usable) return std::nullopt;
  Result<SettingValue> value = ReadValue(setting, entry.value);
  if (value.Ok()) return std::move(value).Value();
  entry.usable = false;
  const Written* element = WrongElement(setting, entry.value);
  draft.problems.Add(
      element != nullptr ? Origin{entry.origin.source, element->line, element->column} : entry.origin,
      "{}: {}", entry.path, value.Err().text);
  return std::nullopt;
}

// Calls `unknown` with each entry that the table does not have.
template <typename Section, typename Unknown>
void ReadSection(DraftSection& section, const std::vector<Key<Section>>& keys, Draft& draft, Section& into,
                 Unknown unknown) {
  for (Entry& entry : section.entries) {
    const Key<Section>* key = FindKey(keys, entry.key);
    if (key == nullptr) {
      unknown(entry);
    } else if (const std::optional<SettingValue> value = ReadEntry(key->setting, entry, draft)) {
      key->set(*value, into);
    }
  }
}

void ReadSettings(DraftSection& section, const ServiceDeclaration& type, Draft& draft, Settings& settings) {
  settings = Settings(type.settings);
  for (Entry& entry : section.entries) {
    if (FindKey(ServiceKeys(), entry.key) != nullptr) continue;
    const Setting* setting = FindSetting(type.settings, entry.key);
    if (setting == nullptr) {
      UnknownSetting(section, entry, type, draft);
    } else if (std::optional<SettingValue> value = ReadEntry(*setting, entry, draft)) {
      settings.Set(setting->name, *std::move(value));
    }
  }
  for (const Setting& setting : type.settings) {
    if (!setting.required || section.Find(setting.name) != nullptr) continue;
    draft.problems.Add(section.origin, "[service.{}] has no {}; write one: {}", section.name, setting.name,
                       setting.doc);
  }
}

// The file of a module. nullopt: it is missing or cannot be used, and a problem was added.
std::optional<std::string> ReadModulePath(DraftSection& section, const ServiceDeclaration& type,
                                          Draft& draft) {
  const Setting* setting = FindSetting(type.settings, kModulePath);
  PF_CHECK(setting != nullptr, "the type of modules does not declare the path of one");
  std::optional<std::string> path;
  for (Entry& entry : section.entries) {
    if (entry.key != kModulePath) continue;
    const std::optional<SettingValue> value = ReadEntry(*setting, entry, draft);
    path = value ? std::optional(value->text) : std::nullopt;
  }
  if (section.Find(kModulePath) == nullptr) {
    draft.problems.Add(section.origin, "[service.{}] has no {}; write one: {}", section.name, kModulePath,
                       setting->doc);
  }
  return path;
}

// Until the module is known, its keys are not judged.
void ReadModule(DraftSection& section, const ServiceDeclaration& type, Draft& draft, ServiceConfig& service) {
  const std::optional<std::string> path = ReadModulePath(section, type, draft);
  if (!path) return;
  const auto known = draft.modules->find(*path);
  if (known == draft.modules->end()) {
    draft.unknown_modules.push_back({*path, section.name, section.OriginOf(kModulePath)});
    return;
  }
  if (!known->second.Ok()) return draft.Complain(section, kModulePath, "{}", known->second.Err().text);
  const ModuleDeclaration& module = known->second.Value();
  const Result<ServiceDeclaration> declared = DeclareModule(type, module);
  if (!declared.Ok()) {
    return draft.Complain(section, kModulePath, "'{}' {}", Escaped(*path), declared.Err().text);
  }
  service.module = module;
  service.client_speaks_first = module.client_speaks_first;
  ReadSettings(section, declared.Value(), draft, service.settings);
}

bool IsSound(const ServiceDeclaration& type, const DraftSection& section, Draft& draft) {
  const Status status = CheckDeclaration(type, KeyNames(ServiceKeys()));
  if (!status.Ok()) draft.problems.Add(section.OriginOf("type"), "{}", status.Err().text);
  return status.Ok();
}

// A service whose type is missing or unknown: only that is reported, not its keys.
ServiceConfig ReadService(DraftSection& section, Draft& draft) {
  ServiceConfig service;
  service.name = section.name;
  ReadSection(section, ServiceKeys(), draft, service, [](const Entry&) {});
  const ServiceDeclaration* type = draft.FindType(service.type);
  if (type == nullptr || !IsSound(*type, section, draft)) return service;
  service.client_speaks_first = type->client_speaks_first;
  if (type->type == kModuleType) {
    ReadModule(section, *type, draft, service);
  } else {
    ReadSettings(section, *type, draft, service.settings);
  }
  return service;
}

// One [[name]].
template <typename Section>
Section ReadListed(DraftSection& section, const char* name, const std::vector<Key<Section>>& keys,
                   Draft& draft) {
  Section read;
  ReadSection(section, keys, draft, read, [&](const Entry& entry) {
    draft.problems.Add(entry.origin, "unknown key {} in [[{}]]{}", Quoted(entry.key), name,
                       DidYouMean(entry.key, KeyNames(keys)));
  });
  return read;
}

ListenConfig ReadListener(DraftSection& section, Draft& draft) {
  return ReadListed(section, "listen", ListenKeys(), draft);
}

// ---- pools ----

// The entries of the top level that pools have too, under their names in a pool.
std::vector<Entry> TopEntries(const DraftSection& top) {
  std::vector<Entry> from_top;
  for (const Entry& entry : top.entries) {
    for (const Key<PoolConfig>& key : PoolKeys()) {
      if (key.top.empty() || key.top != entry.key) continue;
      from_top.push_back(entry);
      from_top.back().key = key.setting.name;
    }
  }
  return from_top;
}

// The top level belongs to the main pool: --user wins over a [pool.main] of the file. In other pools the
// pool's own entry always wins.
void ApplyTop(const std::vector<Entry>& from_top, DraftSection& pool) {
  const bool main = pool.name == kMainPoolName;
  std::vector<Entry> entries;
  for (const Entry& entry : from_top) {
    const Entry* own = pool.Find(entry.key);
    const bool wins = own == nullptr || (main && entry.strength > own->strength);
    if (wins && (main || !IsWorkerCount(entry.key))) entries.push_back(entry);
  }
  entries.insert(entries.begin(), pool.entries.begin(), pool.entries.end());
  pool.entries = std::move(entries);
}

void RefuseTwice(const DraftSection& main, Draft& draft) {
  for (const Entry& entry : main.entries) {
    const Entry* top = draft.top.Find(entry.key);
    if (!IsWorkerCount(entry.key) || top == nullptr || top->strength != entry.strength) continue;
    draft.problems.Add(entry.origin, "{}: '{}' sets the same, at {}; write one of the two", entry.path,
                       top->key, top->origin.Text());
  }
}

PoolConfig ReadPool(DraftSection& section, Draft& draft) {
  PoolConfig pool;
  pool.name = section.name;
  ReadSection(section, PoolKeys(), draft, pool,
              [&](const Entry& entry) { UnknownKey(section, entry, KeyNames(PoolKeys()), draft); });
  return pool;
}

// Before the pool is read.
bool SaysTls(const DraftSection& pool) {
  const Entry* kind = pool.Find("kind");
  return kind != nullptr && kind->value.text == "tls";
}

// Adds the pool of gates if there is none. Two gates, so that one that crashes stops nobody. If the name is
// taken, CheckTls says so.
void AddGates(Draft& draft) {
  NamedSections& pools = draft.pools;
  if (std::any_of(pools.sections.begin(), pools.sections.end(), SaysTls) || pools.Find(kGatesName) != nullptr)
    return;
  DraftSection& gates = pools.Add(kGatesName, kByDefault);
  const std::pair<const char*, const char*> keys[] = {
      {"kind", "tls"}, {"workers", "2"}, {"workers_max", "2"}};
  for (const auto& [key, value] : keys)
    gates.Write(key, {Written::Kind::kWord, value}, kByDefault, Strength::kDefault);
}

// Gates that no listener needs would wait for ever.
void DropUnusedGates(Draft& draft, Config& config) {
  if (HasTlsListener(config)) return;
  std::erase_if(config.pools, [&](const PoolConfig& pool) {
    // The pool main, and one with a service, have problems that are reported later.
    if (pool.kind != PoolKind::kTls || pool.name == kMainPoolName || HasService(config, pool.name))
      return false;
    if (draft.replaced.empty()) {
      draft.warnings.Add(draft.pools.Find(pool.name)->OriginOf("kind"),
                         "[pool.{}] is not started: no [[listen]] has tls = true", pool.name);
    }
    return true;
  });
}

// `config` has the keys of the top level, the listeners and the services already.
void ReadPools(Draft& draft, Config& config) {
  if (HasTlsListener(config)) AddGates(draft);
  if (draft.pools.Find(kMainPoolName) == nullptr) draft.pools.Add(std::string(kMainPoolName), kByDefault);
  RefuseTwice(*draft.pools.Find(kMainPoolName), draft);
  const std::vector<Entry> from_top = TopEntries(draft.top);
  PoolConfig main;
  config.pools.clear();
  for (DraftSection& section : draft.pools.sections) {
    // More pools are refused later, and a file may have very many.
    if (config.pools.size() <= kMaxPools) ApplyTop(from_top, section);
    PoolConfig& pool = section.name == kMainPoolName ? main : config.pools.emplace_back();
    pool = ReadPool(section, draft);
    pool.supervision.stop_delay = config.supervision.stop_delay;
  }
  static_cast<PoolSettings&>(config) = main;
  const bool others = std::any_of(config.pools.begin(), config.pools.end(),
                                  [&](const PoolConfig& pool) { return HasService(config, pool.name); });
  if (!others || HasService(config, kMainPoolName)) config.pools.insert(config.pools.begin(), main);
  DropUnusedGates(draft, config);
}

}  // namespace

bool IsWorkerCount(std::string_view key) { return key == "workers" || key == "workers_max"; }

bool HasTlsListener(const Config& config) {
  return std::any_of(config.listen.begin(), config.listen.end(),
                     [](const ListenConfig& listener) { return listener.tls; });
}

bool HasService(const Config& config, std::string_view pool) {
  return std::any_of(config.services.begin(), config.services.end(),
                     [&](const ServiceConfig& service) { return service.pool == pool; });
}

Config ReadDraft(Draft& draft) {
  Config config;
  ReadSection(draft.top, TopKeys(), draft, config,
              [&](const Entry& entry) { UnknownKey(draft.top, entry, {}, draft); });
  for (DraftSection& section : draft.replaced) (void)ReadListener(section, draft);
  for (DraftSection& section : draft.listen) config.listen.push_back(ReadListener(section, draft));
  for (DraftSection& section : draft.certificates) {
    config.tls.certificates.push_back(ReadListed(section, "tls.certificate", CertificateKeys(), draft));
  }
  for (DraftSection& section : draft.services.sections)
    config.services.push_back(ReadService(section, draft));
  ReadPools(draft, config);
  return config;
}

}  // namespace preforkd
