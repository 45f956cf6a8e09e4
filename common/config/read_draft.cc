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

}  // namespace

void UnknownKey(const DraftSection& section, const Entry& entry, const std::vector<std::string>& names,
                Draft& draft) {
  std::vector<std::string> keys = KeyNames(TopKeys());
  for (const std::string& name : names) keys.push_back(section.path + name);
  std::string hint = draft.problems.Full() ? "" : DidYouMean(entry.path, keys);
  if (hint.empty()) hint = OnlyKeyThatEndsIn(entry.path, keys);
  if (hint.empty()) hint = "; --print-config shows all keys";
  draft.problems.Add(entry.origin, "unknown key {}{}", Quoted(entry.path), hint);
}

namespace {

const TableDeclaration* FindTable(const std::vector<TableDeclaration>& tables, std::string_view name) {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const TableDeclaration& each) { return each.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

// It has a setting or a table of that name.
bool Has(const ServiceDeclaration& type, std::string_view name) {
  return FindSetting(type.settings, name) != nullptr || FindTable(type.tables, name) != nullptr;
}

std::vector<std::string> NamesOf(const std::vector<Setting>& settings,
                                 const std::vector<TableDeclaration>& tables) {
  std::vector<std::string> names;
  for (const Setting& setting : settings) names.push_back(setting.name);
  for (const TableDeclaration& table : tables) names.push_back(table.name);
  return names;
}

// A setting of another type, or of other modules, is reported as such.
void UnknownSetting(const DraftSection& section, const Entry& entry, const ServiceDeclaration& type,
                    Draft& draft) {
  const ServiceDeclaration* own = draft.FindType(type.type);
  if (own != nullptr && Has(*own, entry.key)) {
    const bool of_preload = entry.key == kPreloadMax || entry.key == kPreloadTimeout;
    return draft.problems.Add(
        entry.origin, "{}: {}; leave it out", entry.path,
        of_preload ? "a module without a preload has no such key"
                   : "a module with a protocol of its own has no such key, one that answers HTTP has");
  }
  for (const ServiceDeclaration& other : *draft.types) {
    if (!Has(other, entry.key)) continue;
    return draft.problems.Add(
        entry.origin, "{}: a service of type '{}' has no such key, one of type '{}' has; leave it out",
        entry.path, type.type, other.type);
  }
  if (FindTable(type.tables, entry.key.substr(0, entry.key.find_first_of(".["))) != nullptr) {
    return draft.problems.Add(entry.origin, "{}: a table is not set by key; write it in the file",
                              Escaped(entry.path));
  }
  std::vector<std::string> names = KeyNames(ServiceKeys());
  const std::vector<std::string> own_names = NamesOf(type.settings, type.tables);
  names.insert(names.end(), own_names.begin(), own_names.end());
  UnknownKey(section, entry, names, draft);
}

// ---- sections ----

}  // namespace

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

namespace {

// What a section and its service type, or a table, declare.
struct Declared {
  const std::vector<Setting>& settings;
  const std::vector<TableDeclaration>& tables;
};

// Calls `unknown` with each entry that is not declared.
template <typename Unknown>
void ReadValues(DraftSection& section, const Declared& declared, Draft& draft, Settings& settings,
                WrittenAt& written, Unknown unknown) {
  settings = Settings(declared.settings);
  written.places[""] = section.origin.Text();
  for (Entry& entry : section.entries) {
    const Setting* setting = FindSetting(declared.settings, entry.key);
    if (setting != nullptr) {
      written.places[entry.key] = entry.origin.Text();
      if (std::optional<SettingValue> value = ReadEntry(*setting, entry, draft))
        settings.Set(setting->name, *std::move(value));
    } else if (FindTable(declared.tables, entry.key) == nullptr) {
      unknown(entry);
    } else if (!section.HasTable(entry.key)) {
      entry.usable = false;
      draft.problems.Add(entry.origin, "{0}: is a list of tables; write [[{0}]] before each", entry.path);
    }
  }
}

// `title`: of the section, "[service.site]".
void ReportMissing(const DraftSection& section, const std::string& title,
                   const std::vector<Setting>& settings, Draft& draft) {
  for (const Setting& setting : settings) {
    if (!setting.required || section.Find(setting.name) != nullptr) continue;
    draft.problems.Add(section.origin, "{} has no {}; write one: {}", title, setting.name, setting.doc);
  }
}

void UnknownInTable(const std::string& title, const Entry& entry, const Declared& declared,
                    const ServiceDeclaration& type, Draft& draft) {
  std::string hint = DidYouMean(entry.key, NamesOf(declared.settings, declared.tables));
  if (hint.empty() && Has(type, entry.key)) hint = "; it is a key of the service";
  draft.problems.Add(entry.origin, "unknown key {} in {}{}", Quoted(entry.key), title, hint);
}

// The tables in a section that are declared. The others are dropped: their keys have been reported.
std::vector<SettingsTable> ReadTables(DraftSection& section, const std::vector<TableDeclaration>& declared,
                                      const ServiceDeclaration& type, Draft& draft) {
  std::vector<SettingsTable> tables;
  std::erase_if(section.tables,
                [&](const DraftSection& each) { return FindTable(declared, each.name) == nullptr; });
  for (DraftSection& inner : section.tables) {
    const TableDeclaration& declaration = *FindTable(declared, inner.name);
    const Declared own{declaration.settings, declaration.tables};
    const std::string title = fmt::format("[[{}{}]]", section.path, inner.name);
    SettingsTable& table = tables.emplace_back();
    table.name = inner.name;
    ReadValues(inner, own, draft, table.settings, table.written,
               [&](const Entry& entry) { UnknownInTable(title, entry, own, type, draft); });
    ReportMissing(inner, title, declaration.settings, draft);
    for (const Setting& setting : declaration.settings) {
      if (inner.Find(setting.name) != nullptr) table.set.push_back(setting.name);
    }
    table.tables = ReadTables(inner, declaration.tables, type, draft);
  }
  return tables;
}

std::size_t CountTables(const DraftSection& section) {
  std::size_t count = section.tables.size();
  for (const DraftSection& inner : section.tables) count += CountTables(inner);
  return count;
}

void ReadSettings(DraftSection& section, const ServiceDeclaration& type, Draft& draft,
                  ServiceConfig& service) {
  const auto unknown = [&](const Entry& entry) {
    if (FindKey(ServiceKeys(), entry.key) == nullptr) UnknownSetting(section, entry, type, draft);
  };
  ReadValues(section, {type.settings, type.tables}, draft, service.settings, service.written, unknown);
  ReportMissing(section, fmt::format("[service.{}]", section.name), type.settings, draft);
  if (const std::size_t count = CountTables(section); count > kMaxTables) {
    return draft.problems.Add(section.origin, "[service.{}] has {} tables; write {} at most", section.name,
                              count, kMaxTables);
  }
  service.tables = ReadTables(section, type.tables, type, draft);
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
  ReadSettings(section, declared.Value(), draft, service);
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
    ReadSettings(section, *type, draft, service);
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
