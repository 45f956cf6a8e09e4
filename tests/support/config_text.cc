#include "tests/support/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace preforkd::testing {
namespace {

// A basic string of TOML: control characters, quotes and backslashes are escaped, all else is UTF-8 as it is.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string Written(const ConfigValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return Quoted(*text);
  if (const auto* on = std::get_if<bool>(&value)) return *on ? "true" : "false";
  return std::to_string(std::get<std::int64_t>(value));
}

std::string Lines(const ConfigSettings& settings) {
  std::string lines;
  for (const ConfigSetting& setting : settings) lines += setting.key + " = " + Written(setting.value) + "\n";
  return lines;
}

void Put(ConfigSettings& settings, std::string_view key, ConfigValue value) {
  const auto old = std::ranges::find(settings, key, &ConfigSetting::key);
  if (old == settings.end()) {
    settings.push_back({std::string(key), std::move(value)});
  } else {
    old->value = std::move(value);
  }
}

void PutAll(ConfigSettings& settings, const ConfigSettings& more) {
  for (const ConfigSetting& setting : more) Put(settings, setting.key, setting.value);
}

}  // namespace

ConfigText& ConfigText::Set(std::string_view path, ConfigValue value) {
  const std::size_t dot = path.rfind('.');
  const bool top = dot == std::string_view::npos;
  Put(SectionOf(top ? "" : path.substr(0, dot)), top ? path : path.substr(dot + 1), std::move(value));
  return *this;
}

ConfigText& ConfigText::Listen(const std::string& service, const std::string& address,
                               const ConfigSettings& more) {
  ConfigSettings& settings = listeners_.emplace_back();
  Put(settings, "address", address);
  Put(settings, "service", service);
  PutAll(settings, more);
  return *this;
}

ConfigText& ConfigText::Service(const std::string& name, const std::string& type,
                                const ConfigSettings& more) {
  ConfigSettings& settings = SectionOf("service." + name);
  Put(settings, "type", type);
  PutAll(settings, more);
  return *this;
}

ConfigText& ConfigText::Pool(const std::string& name, const ConfigSettings& settings) {
  ConfigSettings& section = SectionOf("pool." + name);
  const auto has = [](const ConfigSettings& in, std::string_view key) {
    return std::any_of(in.begin(), in.end(), [key](const ConfigSetting& each) { return each.key == key; });
  };
  for (const ConfigSetting& each : settings) {
    Put(section, each.key, each.value);
    if (each.key == "workers" && !has(settings, "workers_max")) Put(section, "workers_max", each.value);
  }
  return *this;
}

std::string ConfigText::Text() const {
  std::string text = Lines(top_);
  for (const ConfigSettings& listener : listeners_) text += "[[listen]]\n" + Lines(listener);
  for (const Section& section : sections_) text += "[" + section.name + "]\n" + Lines(section.settings);
  return text;
}

ConfigSettings& ConfigText::SectionOf(std::string_view name) {
  if (name.empty()) return top_;
  const auto same = std::ranges::find(sections_, name, &Section::name);
  return same == sections_.end() ? sections_.emplace_back(Section{std::string(name), {}}).settings
                                 : same->settings;
}

}  // namespace preforkd::testing
