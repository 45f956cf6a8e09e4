// Setting: the type and range of one key of the configuration, as plain data. A service type declares its
// keys with these, and so may a library that is loaded at run time. Settings: the values of one service.
// SettingsTable: those of a table in its section.
//
// setting_value.h reads, checks and prints values, the same way for every key.
#ifndef PREFORKD_COMMON_CONFIG_SETTING_H_
#define PREFORKD_COMMON_CONFIG_SETTING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace preforkd {

enum class SettingKind : std::uint8_t {
  kText,
  kPath,
  kFolder,   // "" or a folder that exists, is readable for the server, and is inside worker.chroot
  kAddress,  // of a listener
  kNumber,
  kSize,       // bytes: "64KiB"
  kDuration,   // "250ms"
  kFlag,       // true or false
  kChoice,     // one of `words`
  kChoices,    // any of `words`, separated by commas in one text
  kMode,       // permissions of a file, octal: "0660"
  kVariables,  // names of environment variables in one text; "LC_*" means all with that prefix
  kTexts,      // a list of texts, none of them empty; at most kMaxTexts
  kFile,       // "" or a regular file that is readable for the server and inside worker.chroot
};

inline constexpr std::size_t kMaxTexts = 1024;

struct Setting {
  std::string name{};  // lower-case letters, digits and '_'
  SettingKind kind = SettingKind::kText;
  // The range, both ends included, each written like a value: "10ms", "16TiB". For a text: its length in
  // bytes; for texts: that of each.
  std::string min{};
  std::string max{};
  std::string fallback{};  // the default, written as in --set NAME=VALUE
  std::string doc{};       // one line: a comment in --print-config, in the sample file and in the README
  std::string more{};      // further sentences, for the manual page
  std::vector<std::string> words{};  // of a choice
  bool or_auto = false;              // a number, or "auto", which is 0
  bool required = false;             // there is no default
  // A further rule for a text of any kind that is not empty; for texts: for each. The error says what is
  // wrong and what to write instead, without the name of the key. For a folder or a file it may look into
  // that: it is called last, when everything else about it is right.
  Status (*check)(const std::string& text) = nullptr;

  bool operator==(const Setting&) const = default;
};

// A value that was read and is in its range.
struct SettingValue {
  // Bytes, nanoseconds, 0 or 1, a mode. For a choice: its position; for choices: one bit each.
  std::uint64_t number = 0;
  // Of a text, a path, a folder, a file, an address. For variables: the names, separated by ", ".
  std::string text{};
  std::vector<std::string> texts{};

  bool operator==(const SettingValue&) const = default;
};

// One value for each declared setting. To ask for a name that was not declared, or with another kind, is a
// bug.
//
// A module may declare a name that its type also has (DeclareModule). Then there are two of that name: the
// type's comes first and keeps its default, and is what the server reads; the module's comes last, and is
// what sections set and the module reads.
class Settings {
 public:
  struct Item {
    Setting setting;
    SettingValue value;

    bool operator==(const Item&) const = default;
  };

  Settings() = default;
  // All at their defaults. Precondition: CheckDeclaration() found no error.
  explicit Settings(const std::vector<Setting>& declared);

  // For a text, a path, a folder, a file, an address, variables; for a choice, the word.
  [[nodiscard]] const std::string& Text(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& Texts(std::string_view name) const;
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
  [[nodiscard]] bool Has(std::string_view word_of, std::string_view word) const;  // for choices

  // The last of that name.
  void Set(std::string_view name, SettingValue value);
  // The last of that name; nullptr: none was declared.
  [[nodiscard]] const Item* Find(std::string_view name) const;
  [[nodiscard]] const std::vector<Item>& Items() const { return items_; }  // in the order of the declaration
  // It is not hidden behind a later one of its name. Precondition: it is one of Items().
  [[nodiscard]] bool Shows(const Item& item) const { return Find(item.setting.name) == &item; }

  bool operator==(const Settings&) const = default;

 private:
  [[nodiscard]] std::size_t IndexOf(std::string_view name) const;
  [[nodiscard]] const Item& Get(std::string_view name) const { return items_[IndexOf(name)]; }
  [[nodiscard]] std::uint64_t Get(std::string_view name, SettingKind kind) const;

  std::vector<Item> items_;
};

// ---- tables: what a section of a service holds beside its own keys, [[service.NAME.host]] for example ----

// Of all tables of one service, those inside of others included.
inline constexpr std::size_t kMaxTables = 4096;

struct TableDeclaration {
  std::string name;  // "host": lower-case letters, digits and '_'
  std::vector<Setting> settings{};
  std::vector<TableDeclaration> tables{};  // in each of them: [[service.NAME.host.location]]
};

// Where each setting was written, "FILE:LINE:COL", for people. It is no part of a configuration's meaning:
// any two are equal.
struct WrittenAt {
  std::map<std::string, std::string, std::less<>> places{};  // by name; "": where the section begins

  // Empty: nothing sets it.
  [[nodiscard]] std::string_view Of(std::string_view name) const {
    const auto found = places.find(name);
    return found == places.end() ? std::string_view() : std::string_view(found->second);
  }
  bool operator==(const WrittenAt&) const { return true; }
};

struct SettingsTable {
  std::string name;                // of its declaration
  Settings settings{};             // what it does not set has its default
  std::vector<std::string> set{};  // the names of what it sets, in the order of the declaration
  WrittenAt written{};
  std::vector<SettingsTable> tables{};  // in file order

  [[nodiscard]] bool Sets(std::string_view setting) const {
    return std::find(set.begin(), set.end(), setting) != set.end();
  }
  bool operator==(const SettingsTable&) const = default;
};

// What does not fit in a service, beyond the range of each setting.
struct SettingsProblem {
  // Which table: its place in ServiceConfig::tables, then in the tables of that one. Empty: the service.
  std::vector<std::size_t> table{};
  std::string setting{};  // empty: the table as a whole
  std::string text{};     // what is wrong, and what to write instead
};

// Judges the settings of a service, each of which is in its range. It runs in the master: it must be quick,
// and changes nothing.
using SettingsCheck = std::vector<SettingsProblem> (*)(const Settings& settings,
                                                       const std::vector<SettingsTable>& tables);

// What a service type declares for configurations.
struct ServiceDeclaration {
  std::string type;  // as in `type = "..."`
  std::vector<Setting> settings{};
  // A listener may wait for the client's first bytes (TCP_DEFER_ACCEPT). Of the type "module": the module
  // says.
  bool client_speaks_first = false;
  std::vector<TableDeclaration> tables{};
  SettingsCheck check = nullptr;
};

}  // namespace preforkd

#endif
