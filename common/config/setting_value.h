// Values of settings: reads what a person wrote, checks it against the declaration, and prints it as TOML.
// Pure. ReadValue reads what PrintValue writes back to the same value.
#ifndef PREFORKD_COMMON_CONFIG_SETTING_VALUE_H_
#define PREFORKD_COMMON_CONFIG_SETTING_VALUE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/setting.h"

namespace preforkd {

// A value as it was written, before the type of its key is known.
struct Written {
  enum class Kind {
    kWord,    // of a flag or a variable: the key says how to read it
    kString,  // this and the following: of the file
    kInteger,
    kBoolean,
    kArray,
    kOther,  // no key takes one; `text` describes it, "a table"
  };
  Kind kind = Kind::kWord;
  std::string text;                 // of an array: "an array"
  std::vector<Written> elements{};  // of an array
  std::uint32_t line = 0;           // of an element: its place in the file; both count from 1
  std::uint32_t column = 0;

  [[nodiscard]] bool IsText() const { return kind == Kind::kWord || kind == Kind::kString; }
  // For messages: "'abc'", "5", "true", "a table".
  [[nodiscard]] std::string Described() const;
};

// The error says what is wrong and what to write instead, without the name of the key. Precondition: the
// declaration of `setting` is valid, see CheckDeclaration().
Result<SettingValue> ReadValue(const Setting& setting, const Written& written);
// The element of an array that ReadValue() complains about; nullptr: it complains about no single one.
const Written* WrongElement(const Setting& setting, const Written& written);
// As TOML: "\"30s\"", "5", "true".
std::string PrintValue(const Setting& setting, const SettingValue& value);
SettingValue DefaultValue(const Setting& setting);

// Ok if the settings can be used: names, ranges and defaults. A module may declare anything. `reserved`:
// names that its services have already. Error: "declares a setting 'x' that cannot be used: ...".
Status CheckSettings(const std::vector<Setting>& settings, const std::vector<std::string>& reserved);
// The same for a service type.
Status CheckDeclaration(const ServiceDeclaration& declaration, const std::vector<std::string>& reserved);

// Ok if the range of the setting, if it has one, is valid.
Status CheckRange(const Setting& setting);
// A number, a size or a duration.
bool IsQuantity(SettingKind kind);
// A folder or a file.
bool IsOnDisk(SettingKind kind);
// A text, a path, a folder, a file or an address.
bool IsTextKind(SettingKind kind);
// The texts of a list in one word, as flags and variables have them. They are separated by commas, and blanks
// around each are not part of it. "\," is a comma in a text and "\\" a backslash. An empty word is no text.
std::vector<std::string> SplitTexts(std::string_view word);
// As a TOML basic string, quotes included. Any bytes but NUL survive if they are UTF-8.
std::string TomlString(std::string_view text);
// Splits at commas and blanks.
std::vector<std::string> SplitWords(std::string_view text);
// "'a', 'b' or 'c'".
std::string WordList(const std::vector<std::string>& words);
// A bare key of TOML: letters, digits, '-' and '_', and not empty.
bool IsBareKey(std::string_view text);

}  // namespace preforkd

#endif
