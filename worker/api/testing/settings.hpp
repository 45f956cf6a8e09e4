// Values of a module's settings as its configuration would give them: checked against what it declares.
#ifndef PREFORKD_TESTING_SETTINGS_HPP
#define PREFORKD_TESTING_SETTINGS_HPP

#include <sys/stat.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "../module.h"

namespace pfd::testing {

// By name, written as in the configuration: {{"greeting", "hi"}, {"timeout", "2s"}}.
using Settings = std::map<std::string, std::string>;

namespace detail {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

inline std::uint64_t parse_number(const std::string& text, std::initializer_list<Unit> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc() || end == text.data()) throw std::invalid_argument("'" + text + "' is no number");
  if (rest.empty() && (number == 0 || units.size() == 0)) return number;
  for (const Unit& unit : units) {
    if (rest == unit.name) return number * unit.factor;
  }
  throw std::invalid_argument("'" + text + "' has an unknown unit, or none");
}

// What pfd_host.number() returns for it: a number, bytes, nanoseconds, 0 or 1. 0 for texts.
inline std::uint64_t number_of(std::uint32_t kind, const std::string& text) {
  switch (kind) {
    case PFD_NUMBER: return parse_number(text, {});
    case PFD_SIZE:
      return parse_number(text, {{"", 1},
                                 {"B", 1},
                                 {"KiB", 1ull << 10},
                                 {"MiB", 1ull << 20},
                                 {"GiB", 1ull << 30},
                                 {"KB", 1000},
                                 {"MB", 1000'000},
                                 {"GB", 1000'000'000}});
    case PFD_DURATION:
      return parse_number(text, {{"ns", 1},
                                 {"us", 1000},
                                 {"ms", 1000'000},
                                 {"s", 1000'000'000},
                                 {"m", 60'000'000'000},
                                 {"h", 3600'000'000'000}});
    case PFD_FLAG:
      if (text != "true" && text != "false")
        throw std::invalid_argument("'" + text + "' is no true or false");
      return text == "true" ? 1 : 0;
    default: return 0;
  }
}

inline bool is_text(std::uint32_t kind) {
  return kind == PFD_TEXT || kind == PFD_CHOICE || kind == PFD_PATH || kind == PFD_FOLDER;
}

inline bool has_word(std::string_view words, std::string_view word) {
  const std::string all = "," + std::string(words) + ",";
  return word.find(',') == word.npos && all.find("," + std::string(word) + ",") != all.npos;
}

inline void check_value(const pfd_setting& setting, const std::string& text) {
  if (setting.kind == PFD_CHOICE && !has_word(setting.words == nullptr ? "" : setting.words, text)) {
    throw std::invalid_argument("'" + text + "' is none of " + setting.words);
  }
  if (struct stat facts{}; setting.kind == PFD_FOLDER && !text.empty() &&
                           (::stat(text.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))) {
    throw std::invalid_argument("there is no folder '" + text + "'");
  }
  const std::uint64_t value = setting.kind == PFD_TEXT ? text.size() : number_of(setting.kind, text);
  const std::uint32_t bound_kind = setting.kind == PFD_TEXT ? std::uint32_t{PFD_NUMBER} : setting.kind;
  if ((setting.min != nullptr && value < number_of(bound_kind, setting.min)) ||
      (setting.max != nullptr && value > number_of(bound_kind, setting.max))) {
    throw std::invalid_argument("'" + text + "' is outside of " + (setting.min ? setting.min : "0") + " to " +
                                (setting.max ? setting.max : "any"));
  }
}

struct Value {
  std::uint32_t kind = PFD_TEXT;
  std::string text;
  std::uint64_t number = 0;
};

// Throws std::invalid_argument: a name that the module does not declare, a missing or a wrong value.
inline std::map<std::string, Value> resolve(const pfd_module& module, const Settings& given) {
  std::map<std::string, Value> values;
  for (std::uint32_t i = 0; i < module.setting_count; ++i) {
    const pfd_setting& setting = module.settings[i];
    const auto set = given.find(setting.name);
    if (set == given.end() && setting.required != 0) {
      throw std::invalid_argument("the setting " + std::string(setting.name) + " is missing");
    }
    const bool plain = set == given.end() && setting.fallback == nullptr;
    const std::string text = plain ? "" : set == given.end() ? setting.fallback : set->second;
    Value value{setting.kind, is_text(setting.kind) ? text : "", 0};
    if (!plain) {
      try {
        check_value(setting, text);
        value.number = number_of(setting.kind, text);
      } catch (const std::invalid_argument& wrong) {
        throw std::invalid_argument("the setting " + std::string(setting.name) + ": " + wrong.what());
      }
    }
    values[setting.name] = value;
  }
  for (const auto& [name, text] : given) {
    if (!values.contains(name)) throw std::invalid_argument("the module declares no setting " + name);
  }
  return values;
}

}  // namespace detail
}  // namespace pfd::testing

#endif
