#include "common/config/setting.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/config/setting_value.h"
#include "common/text/quote.h"
#include "common/text/utf8.h"

namespace preforkd {
namespace {

bool IsSettingName(std::string_view name) {
  return IsBareKey(name) && name.front() >= 'a' && name.front() <= 'z' &&
         std::none_of(name.begin(), name.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
}

Status CheckSetting(const Setting& setting) {
  constexpr std::size_t kMaxWords = 64;  // one bit each
  if (!IsSettingName(setting.name)) return Error{"the name may have lower-case letters, digits and '_' only"};
  if (setting.doc.empty() || setting.doc.find('\n') != std::string::npos || !IsUtf8(setting.doc)) {
    return Error{"the description is not one line of UTF-8"};
  }
  const bool choice = setting.kind == SettingKind::kChoice || setting.kind == SettingKind::kChoices;
  if (choice && (setting.words.empty() || setting.words.size() > kMaxWords)) {
    return Error{fmt::format("there are {} words to choose from; allowed are 1 to {}", setting.words.size(),
                             kMaxWords)};
  }
  if (const Status range = CheckRange(setting); !range.Ok()) return Error{"the range: " + range.Err().text};
  if (setting.required) return {};
  const Result<SettingValue> value = ReadValue(setting, {Written::Kind::kWord, setting.fallback});
  return value.Ok() ? Status() : Error{"the default: " + value.Err().text};
}

}  // namespace

Settings::Settings(const std::vector<Setting>& declared) {
  for (const Setting& setting : declared) items_.push_back({setting, DefaultValue(setting)});
}

std::size_t Settings::IndexOf(std::string_view name) const {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return item.setting.name == name; });
  PF_CHECK(found != items_.end(), "asked for a setting that the service type does not declare");
  return static_cast<std::size_t>(found - items_.begin());
}

std::uint64_t Settings::Get(std::string_view name, SettingKind kind) const {
  const Item& item = Get(name);
  PF_CHECK(item.setting.kind == kind, "asked for a setting of another kind");
  return item.value.number;
}

const std::string& Settings::Text(std::string_view name) const {
  const Item& item = Get(name);
  if (item.setting.kind == SettingKind::kChoice) return item.setting.words.at(item.value.number);
  PF_CHECK(IsTextKind(item.setting.kind) || item.setting.kind == SettingKind::kVariables,
           "asked for the text of a setting that has none");
  return item.value.text;
}

const std::vector<std::string>& Settings::Texts(std::string_view name) const {
  const Item& item = Get(name);
  PF_CHECK(item.setting.kind == SettingKind::kTexts, "asked for the texts of a setting that has none");
  return item.value.texts;
}

bool Settings::Has(std::string_view word_of, std::string_view word) const {
  const std::uint64_t chosen = Get(word_of, SettingKind::kChoices);
  const std::vector<std::string>& words = Get(word_of).setting.words;
  const auto found = std::find(words.begin(), words.end(), word);
  PF_CHECK(found != words.end(), "asked for a word that the setting does not have");
  return (chosen >> (found - words.begin()) & 1) != 0;
}

const Settings::Item* Settings::Find(std::string_view name) const {
  const auto found = std::find_if(items_.rbegin(), items_.rend(),
                                  [&](const Item& item) { return item.setting.name == name; });
  return found == items_.rend() ? nullptr : &*found;
}

void Settings::Set(std::string_view name, SettingValue value) {
  const Item* const item = Find(name);
  PF_CHECK(item != nullptr, "set a setting that the service type does not declare");
  items_[static_cast<std::size_t>(item - items_.data())].value = std::move(value);
}

Status CheckSettings(const std::vector<Setting>& settings, const std::vector<std::string>& reserved) {
  std::vector<std::string> names = reserved;
  for (const Setting& setting : settings) {
    Status status = CheckSetting(setting);
    const bool taken = std::find(names.begin(), names.end(), setting.name) != names.end();
    if (status.Ok() && taken) status = Error{"the name is taken"};
    if (!status.Ok()) {
      return Error{fmt::format("declares a setting {} that cannot be used: {}", Quoted(setting.name),
                               status.Err().text)};
    }
    names.push_back(setting.name);
  }
  return {};
}

namespace {

Status CheckTables(const std::vector<TableDeclaration>& tables) {
  for (const TableDeclaration& table : tables) {
    if (!IsSettingName(table.name)) return Error{fmt::format("declares a table {}", Quoted(table.name))};
    if (Status status = CheckSettings(table.settings, {}); !status.Ok()) return status;
    if (Status status = CheckTables(table.tables); !status.Ok()) return status;
  }
  return {};
}

}  // namespace

Status CheckDeclaration(const ServiceDeclaration& declaration, const std::vector<std::string>& reserved) {
  Status status = CheckSettings(declaration.settings, reserved);
  if (status.Ok()) status = CheckTables(declaration.tables);
  if (status.Ok()) return status;
  return Error{fmt::format("the service type {} {}", Quoted(declaration.type), status.Err().text)};
}

}  // namespace preforkd
