#include "common/config/draft.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/quote.h"
#include "common/base/utf8.h"
#include "common/config/nearest.h"

namespace preforkd {
namespace {

constexpr std::string_view kListenPrefix = "listen[";

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

// The text of an option, whatever it was in the file.
std::optional<std::string> OptionText(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kText:
      return IsUtf8(value.text) ? std::optional(value.text) : std::nullopt;
    case Value::Kind::kString:
    case Value::Kind::kFloat:
      return value.text;
    case Value::Kind::kInteger:
    case Value::Kind::kBoolean:
      return value.Described();
    default:
      return std::nullopt;
  }
}

}  // namespace

void Draft::Record(const std::string& key, const Origin& origin, const Status& status) {
  origins_[key] = origin;
  if (status.Ok()) return;
  unusable_.insert(key);
  // The position says which listener it is; its number would have to be counted.
  const std::size_t bracket = key.starts_with(kListenPrefix) ? key.find(']') : std::string::npos;
  const std::string shown = bracket == std::string::npos ? key : "listen" + key.substr(bracket + 1);
  problems_.Add(origin, fmt::format("{}: {}", shown, status.Err().text));
}

void Draft::Set(const std::string& key, const Value& value, const Origin& origin) {
  const Key<Config>* known = FindKey(ConfigKeys(), key);
  if (known == nullptr) return UnknownKey(key, origin);
  Record(key, origin, known->read(value, config_));
}

std::size_t Draft::AddListener(const Origin& origin) {
  const std::size_t index = config_.listen.size();
  config_.listen.emplace_back();
  origins_[ListenerKey(index, "")] = origin;
  return index;
}

void Draft::SetListener(std::size_t index, const std::string& key, const Value& value, const Origin& origin) {
  const Key<ListenConfig>* known = FindKey(ListenKeys(), key);
  if (known == nullptr) {
    problems_.Add(origin, fmt::format("unknown key {} in [[listen]]{}", Quoted(key),
                                      DidYouMean(key, KeyNames(ListenKeys()))));
    return;
  }
  Record(ListenerKey(index, key), origin, known->read(value, config_.listen[index]));
}

void Draft::RemoveListeners() {
  config_.listen.clear();
  std::erase_if(origins_, [](const auto& entry) { return entry.first.starts_with(kListenPrefix); });
  std::erase_if(unusable_, [](const std::string& key) { return key.starts_with(kListenPrefix); });
}

std::size_t Draft::AddService(std::string name, const Origin& origin) {
  const std::size_t index = config_.services.size();
  origins_[ServiceKey(name, "")] = origin;
  config_.services.push_back({});
  config_.services.back().name = std::move(name);
  return index;
}

std::optional<std::size_t> Draft::FindService(std::string_view name) const {
  for (std::size_t i = 0; i < config_.services.size(); ++i) {
    if (config_.services[i].name == name) return i;
  }
  return std::nullopt;
}

void Draft::SetService(std::size_t index, std::string key, Value value, Origin origin) {
  service_settings_.push_back({index, std::move(key), std::move(value), std::move(origin)});
}

void Draft::ApplyServices() {
  for (const ServiceSetting& setting : service_settings_) {
    if (setting.key == "type") ApplyService(setting);
  }
  for (const ServiceSetting& setting : service_settings_) {
    if (setting.key != "type") ApplyService(setting);
  }
  service_settings_.clear();
}

void Draft::ApplyService(const ServiceSetting& setting) {
  ServiceConfig& service = config_.services[setting.index];
  const std::string full_key = ServiceKey(service.name, setting.key);
  const Key<ServiceConfig>* known = FindKey(ServiceKeys(), setting.key);
  if (known == nullptr) {
    // Without a type, whose keys they are is not known: the missing type is the one mistake to report.
    if (service.type.empty()) return;
    if (IsBuiltInServiceType(service.type)) return UnknownKey(full_key, setting.origin);
    return SetOption(setting, full_key);
  }
  if (!service.type.empty() && !AppliesTo(*known, service.type)) {
    problems_.Add(setting.origin,
                  fmt::format("{}: a service of type '{}' does not read it, one of type '{}' does; "
                              "leave it out",
                              full_key, service.type, known->only_for));
    return;
  }
  Record(full_key, setting.origin, known->read(setting.value, service));
}

void Draft::SetOption(const ServiceSetting& setting, const std::string& full_key) {
  std::optional<std::string> text = OptionText(setting.value);
  if (!text) {
    return Record(full_key, setting.origin,
                  Error{fmt::format("{} does not fit; write text in UTF-8, a number, true or false",
                                    setting.value.Described())});
  }
  config_.services[setting.index].options[setting.key] = *std::move(text);
  Record(full_key, setting.origin, {});
}

void Draft::UnknownKey(const std::string& key, const Origin& origin) {
  const std::vector<std::string> keys = AllKeys();
  std::string hint = DidYouMean(key, keys);
  if (hint.empty()) hint = OnlyKeyThatEndsIn(key, keys);
  if (hint.empty()) hint = "; --print-config shows all keys";
  problems_.Add(origin, fmt::format("unknown key {}{}", Quoted(key), hint));
}

std::vector<std::string> Draft::AllKeys() const {
  std::vector<std::string> keys = KeyNames(ConfigKeys());
  for (const ServiceConfig& service : config_.services) {
    for (const Key<ServiceConfig>& key : ServiceKeys()) {
      if (AppliesTo(key, service.type)) keys.push_back(ServiceKey(service.name, key.name));
    }
  }
  return keys;
}

std::string Draft::ListenerKey(std::size_t index, std::string_view key) {
  return fmt::format("{}{}].{}", kListenPrefix, index, key);
}

std::string Draft::ServiceKey(std::string_view service, std::string_view key) {
  return fmt::format("service.{}.{}", service, key);
}

Origin Draft::OriginOf(const std::string& key, const std::string& other) const {
  for (const std::string& candidate : {key, other}) {
    const auto found = origins_.find(candidate);
    if (found != origins_.end()) return found->second;
  }
  return {"default"};
}

}  // namespace preforkd
