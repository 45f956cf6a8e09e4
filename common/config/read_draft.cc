// ReadDraft: what was written, read by the tables of keys.
#include <fmt/core.h>

#include <algorithm>

#include "common/config/draft.h"
#include "common/config/nearest.h"
#include "common/text/quote.h"

namespace preforkd {
namespace {

// 'dispatch.policy' for 'policy', if that is the only key that ends so.
std::string OnlyKeyThatEndsIn(std::string_view word, const std::vector<std::string>& keys) {
  std::string found;
  for (const std::string& key : keys) {
    if (!key.ends_with(fmt::format(".{}", word))) continue;
    if (!found.empty()) return {};
    found = key;
  }
  return found.empty() ? found : fmt::format("; did you mean '{}'?", found);
}

// nullptr: the type has none of that name.
const Setting* FindSetting(const ServiceDeclaration& type, std::string_view name) {
  const auto found = std::find_if(type.settings.begin(), type.settings.end(),
                                  [&](const Setting& each) { return each.name == name; });
  return found == type.settings.end() ? nullptr : &*found;
}

// One that another type has is said to be that type's.
void UnknownSetting(const DraftSection& section, const Entry& entry, const ServiceDeclaration& type,
                    Draft& draft) {
  for (const ServiceDeclaration& other : *draft.types) {
    if (FindSetting(other, entry.key) == nullptr) continue;
    return draft.problems.Add(
        entry.origin,
        fmt::format("{}{}: a service of type '{}' does not read it, one of type '{}' does; leave it out",
                    section.path, entry.key, type.type, other.type));
  }
  std::vector<std::string> names = KeyNames(ServiceKeys());
  for (const Setting& setting : type.settings) names.push_back(setting.name);
  UnknownKey(section, entry, names, draft);
}

void ReadSettings(DraftSection& section, const ServiceDeclaration& type, Draft& draft, Settings& settings) {
  if (const Status status = CheckDeclaration(type, KeyNames(ServiceKeys())); !status.Ok()) {
    return draft.problems.Add(section.OriginOf("type"), status.Err().text);
  }
  settings = Settings(type.settings);
  for (Entry& entry : section.entries) {
    if (FindKey(ServiceKeys(), entry.key) != nullptr) continue;
    const Setting* setting = FindSetting(type, entry.key);
    if (setting == nullptr) {
      UnknownSetting(section, entry, type, draft);
    } else if (std::optional<SettingValue> value = ReadEntry(*setting, section, entry, draft)) {
      settings.Set(setting->name, *std::move(value));
    }
  }
  for (const Setting& setting : type.settings) {
    if (!setting.required || section.Find(setting.name) != nullptr) continue;
    draft.problems.Add(section.origin, fmt::format("[service.{}] has no {}; write one: {}", section.name,
                                                   setting.name, setting.doc));
  }
}

// The keys of a service whose type is missing or unknown are not judged: that is the one mistake to report.
ServiceConfig ReadService(DraftSection& section, Draft& draft) {
  ServiceConfig service;
  service.name = section.name;
  ReadSection(section, ServiceKeys(), draft, service, [](const Entry&) {});
  const ServiceDeclaration* type = draft.FindType(service.type);
  if (type != nullptr) ReadSettings(section, *type, draft, service.settings);
  return service;
}

ListenConfig ReadListener(DraftSection& section, Draft& draft) {
  ListenConfig listener;
  ReadSection(section, ListenKeys(), draft, listener, [&](const Entry& entry) {
    draft.problems.Add(entry.origin, fmt::format("unknown key {} in [[listen]]{}", Quoted(entry.key),
                                                 DidYouMean(entry.key, KeyNames(ListenKeys()))));
  });
  return listener;
}

}  // namespace

void UnknownKey(const DraftSection& section, const Entry& entry, const std::vector<std::string>& names,
                Draft& draft) {
  const std::string path = section.path + entry.key;
  std::vector<std::string> keys = KeyNames(TopKeys());
  for (const std::string& name : names) keys.push_back(section.path + name);
  std::string hint = draft.problems.Full() ? "" : DidYouMean(path, keys);
  if (hint.empty()) hint = OnlyKeyThatEndsIn(path, keys);
  if (hint.empty()) hint = "; --print-config shows all keys";
  draft.problems.Add(entry.origin, fmt::format("unknown key {}{}", Quoted(path), hint));
}

Config ReadDraft(Draft& draft) {
  Config config;
  ReadSection(draft.top, TopKeys(), draft, config,
              [&](const Entry& entry) { UnknownKey(draft.top, entry, {}, draft); });
  for (DraftSection& section : draft.replaced) (void)ReadListener(section, draft);
  for (DraftSection& section : draft.listen) config.listen.push_back(ReadListener(section, draft));
  for (DraftSection& section : draft.services) config.services.push_back(ReadService(section, draft));
  ReadPools(draft, config);
  return config;
}

}  // namespace preforkd
