// Values of settings: read from what a person wrote, checked against the declaration, printed as TOML. Pure.
// What PrintValue writes, ReadValue reads back to the same value.
#ifndef PREFORKD_COMMON_CONFIG_SETTING_VALUE_H_
#define PREFORKD_COMMON_CONFIG_SETTING_VALUE_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/setting.h"

namespace preforkd {

// A value as it was written, before it is known what its key takes.
struct Written {
  enum class Kind {
    kWord,    // a flag's or a variable's: the key says how to read it
    kString,  // from here on: from the file
    kInteger,
    kBoolean,
    kOther,  // no key takes one; `text` is what it is, "a table"
  };
  Kind kind = Kind::kWord;
  std::string text;

  [[nodiscard]] bool IsText() const { return kind == Kind::kWord || kind == Kind::kString; }
  // For messages: "'abc'", "5", "true", "a table".
  [[nodiscard]] std::string Described() const;
};

// The error says what is wrong and what would be right, without the name of the key. Precondition: the
// declaration of `setting` is right, see CheckDeclaration().
Result<SettingValue> ReadValue(const Setting& setting, const Written& written);
// As TOML: "\"30s\"", "5", "true".
std::string PrintValue(const Setting& setting, const SettingValue& value);
SettingValue DefaultValue(const Setting& setting);

// Whether the settings of `declaration` can be used: names, ranges and defaults. A library may bring
// anything. `reserved`: names that every service has already.
Status CheckDeclaration(const ServiceDeclaration& declaration, const std::vector<std::string>& reserved);

// Whether the range of a setting, if it has one, is a range.
Status CheckRange(const Setting& setting);
// A number, a size or a duration.
bool IsQuantity(SettingKind kind);
// A text, a path, a folder or an address.
bool IsTextKind(SettingKind kind);
// As a TOML basic string, quotes included. Any bytes but NUL survive if they are UTF-8.
std::string TomlString(std::string_view text);
// What stands between commas and blanks.
std::vector<std::string> SplitWords(std::string_view text);
// "'a', 'b' or 'c'".
std::string WordList(const std::vector<std::string>& words);
// A bare key of TOML: letters, digits, '-' and '_', and not empty.
bool IsBareKey(std::string_view text);

}  // namespace preforkd

#endif
