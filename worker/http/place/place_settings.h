// place_settings: what places have in the configuration: the keys of a service that has them, its tables
// [[service.NAME.host]] and [[...location]], and what does not fit there. Pure.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACE_SETTINGS_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACE_SETTINGS_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/config/setting.h"

namespace preforkd {

// The keys that a service, a host and a location have alike. A host takes from the service what it does not
// set, a location from its host.
const std::vector<Setting>& PlaceSettingTable();
// The tables of a type that declares these keys. A location of the service is in each of its hosts, too, with
// the settings of the host.
const std::vector<TableDeclaration>& PlaceTables();
std::vector<SettingsProblem> CheckPlaces(const Settings& settings, const std::vector<SettingsTable>& tables);

inline constexpr std::string_view kHostTable = "host";
inline constexpr std::string_view kLocationTable = "location";
// The name of the host for requests that name no other one.
inline constexpr std::string_view kAnyHost = "*";

// Whether the service of these settings has declared them.
bool DeclaresPlaces(const Settings& settings);
// Those of the service as a place. A module may have declared one of the same name: that one is not meant.
Settings PlaceSettingsOf(const Settings& service);
// `outer` with what `inner` sets.
Settings Overlaid(const Settings& outer, const SettingsTable& inner);

// "*.example.org" in the form in which hosts are compared; empty if it is not the name of a host.
std::string HostKey(std::string_view name);
// The path of a location without the '/' at its end: a location is the path itself, and all below it.
std::string_view LocationKey(std::string_view path);

}  // namespace preforkd

#endif
