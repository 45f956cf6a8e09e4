// Setting: what one key of the configuration takes, as plain data: a type of service declares its keys with
// these, and so may a library that is loaded at run time. Settings: the values of one service.
//
// How a value is read, checked and printed is setting_value.h, the same for every key.
#ifndef PREFORKD_COMMON_CONFIG_SETTING_H_
#define PREFORKD_COMMON_CONFIG_SETTING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"

namespace preforkd {

enum class SettingKind : std::uint8_t {
  kText,
  kPath,
  kFolder,   // "" or a folder that exists, that the server can read, and that is inside worker.chroot
  kAddress,  // of a listener
  kNumber,
  kSize,       // bytes: "64KiB"
  kDuration,   // "250ms"
  kFlag,       // true or false
  kChoice,     // one of `words`
  kChoices,    // any of `words`, in one text
  kMode,       // permissions of a file, octal: "0660"
  kVariables,  // names of environment variables in one text; "LC_*" is all that begin so
};

struct Setting {
  std::string name{};  // lower-case letters, digits and '_'
  SettingKind kind = SettingKind::kText;
  // The range, both ends included, each written like a value: "10ms", "16TiB". Of a text: its bytes.
  std::string min{};
  std::string max{};
  std::string fallback{};  // the default, written as after --set NAME=
  std::string doc{};       // one line: a comment of --print-config, of the sample file and in the README
  std::string more{};      // further sentences, for the manual page
  std::vector<std::string> words{};  // of a choice
  bool or_auto = false;              // a number, or "auto", which is 0
  bool required = false;             // there is no default

  bool operator==(const Setting&) const = default;
};

// A value that was read and is in its range.
struct SettingValue {
  std::uint64_t number =
      0;  // bytes, nanoseconds, 0 or 1, a mode; of a choice the position, of choices one bit each
  std::string text{};  // of a text, a path, a folder, an address; of variables the names, ", " between them

  bool operator==(const SettingValue&) const = default;
};

// What a type of service declares to those who read configurations.
struct ServiceDeclaration {
  std::string type;  // as `type = "..."` names it
  std::vector<Setting> settings{};
  bool client_speaks_first = false;  // a listener may wait for the client's first bytes (TCP_DEFER_ACCEPT)
};

// One value for each setting that was declared. To ask for a name that was not, or by another kind, is a bug.
class Settings {
 public:
  struct Item {
    Setting setting;
    SettingValue value;

    bool operator==(const Item&) const = default;
  };

  Settings() = default;
  // All at their defaults. Precondition: CheckDeclaration() found nothing wrong.
  explicit Settings(const std::vector<Setting>& declared);

  // Of a text, a path, a folder, an address, variables; of a choice, the word.
  [[nodiscard]] const std::string& Text(std::string_view name) const;
  [[nodiscard]] std::uint64_t Number(std::string_view name) const { return Get(name, SettingKind::kNumber); }
  [[nodiscard]] std::uint32_t Mode(std::string_view name) const {
    return static_cast<std::uint32_t>(Get(name, SettingKind::kMode));
  }
  // Bytes.
  [[nodiscard]] std::uint64_t Size(std::string_view name) const { return Get(name, SettingKind::kSize); }
  [[nodiscard]] Duration Time(std::string_view name) const {
    return Duration(static_cast<Duration::rep>(Get(name, SettingKind::kDuration)));
  }
  [[nodiscard]] bool Flag(std::string_view name) const { return Get(name, SettingKind::kFlag) != 0; }
  [[nodiscard]] bool Has(std::string_view word_of, std::string_view word) const;  // of choices

  void Set(std::string_view name, SettingValue value);
  [[nodiscard]] const std::vector<Item>& Items() const { return items_; }  // in the order of the declaration

  bool operator==(const Settings&) const = default;

 private:
  [[nodiscard]] std::size_t IndexOf(std::string_view name) const;
  [[nodiscard]] const Item& Get(std::string_view name) const { return items_[IndexOf(name)]; }
  [[nodiscard]] std::uint64_t Get(std::string_view name, SettingKind kind) const;

  std::vector<Item> items_;
};

}  // namespace preforkd

#endif
