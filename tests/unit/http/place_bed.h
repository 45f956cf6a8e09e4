// Places for tests, as the configuration would have them.
#ifndef PREFORKD_TESTS_UNIT_HTTP_PLACE_BED_H_
#define PREFORKD_TESTS_UNIT_HTTP_PLACE_BED_H_

#include <string>
#include <utility>
#include <vector>

#include "common/config/setting_value.h"
#include "worker/http/place/place_settings.h"

namespace preforkd::testing {

using WrittenSettings = std::vector<std::pair<std::string, std::string>>;  // name and value, as after --set

inline SettingsTable TableOf(const TableDeclaration& declared, const WrittenSettings& written,
                             std::vector<SettingsTable> inner = {}) {
  SettingsTable table{declared.name, Settings(declared.settings), {}, {}, std::move(inner)};
  for (const Setting& setting : declared.settings) {
    for (const auto& [name, value] : written) {
      if (name != setting.name) continue;
      table.settings.Set(name, ReadValue(setting, {Written::Kind::kWord, value}).Value());
      table.set.push_back(name);
    }
  }
  return table;
}

inline SettingsTable HostTable(const std::string& names, WrittenSettings written,
                               std::vector<SettingsTable> locations = {}) {
  written.emplace_back("name", names);
  return TableOf(PlaceTables().at(0), written, std::move(locations));
}

inline SettingsTable LocationTable(const std::string& path, WrittenSettings written) {
  written.emplace_back("path", path);
  return TableOf(PlaceTables().at(1), written);
}

inline Settings ServiceSettings(const WrittenSettings& written) {
  Settings settings(PlaceSettingTable());
  for (const auto& [name, value] : written)
    settings.Set(name, ReadValue(settings.Find(name)->setting, {Written::Kind::kWord, value}).Value());
  return settings;
}

}  // namespace preforkd::testing

#endif
