#include "worker/http/place/place_table.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "worker/http/place/host_name.h"
#include "worker/http/place/place_settings.h"

namespace preforkd::http {
namespace {

int StatusIn(std::string_view word) {
  int status = 0;
  std::from_chars(word.data(), word.data() + word.size(), status);
  return status;
}

bool Sets(const PlaceTable::SetsAny& sets, const char* name) { return sets({{.name = name}}); }

// What is not inherited as a setting: how the place answers, and which part of the path is behind it.
void Decide(const Settings& settings, std::size_t prefix, const PlaceTable::SetsAny& sets, Place& place) {
  const bool root = Sets(sets, "root");
  const bool redirect = Sets(sets, "redirect");
  const bool denied = Sets(sets, "denied");
  if (root) place.prefix = prefix;
  if (redirect) place.redirect.prefix = prefix;
  if (!root && !redirect && !denied) return;
  if (denied && settings.Text("denied") != "no") {
    place.kind = PlaceKind::kDenied;
  } else if (redirect && !settings.Text("redirect").empty()) {
    place.kind = PlaceKind::kRedirect;
  } else {
    place.kind = settings.Text("root").empty() ? PlaceKind::kOwn : PlaceKind::kFiles;
  }
}

PlaceTable::SetsAny SetsIn(const SettingsTable& table) {
  return [&table](const std::vector<Setting>& settings) {
    return std::any_of(settings.begin(), settings.end(),
                       [&](const Setting& each) { return table.Sets(each.name); });
  };
}

// The location "/", which is empty here, is for all: "*" too (OPTIONS).
bool IsWithin(std::string_view path, std::string_view location) {
  if (location.empty()) return true;
  return path.starts_with(location) && (path.size() == location.size() || path[location.size()] == '/');
}

// nullptr: there is none of that name.
template <typename Names>
const std::size_t* Lookup(const Names& names, std::string_view name) {
  const auto found =
      std::lower_bound(names.begin(), names.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  return found != names.end() && found->first == name ? &found->second : nullptr;
}

}  // namespace

PlaceTable::PlaceTable(const Settings& service, const std::vector<SettingsTable>& tables, Complete complete)
    : complete_(std::move(complete)) {
  const Settings own = PlaceSettingsOf(service);
  AddHost(own, Inside(Place(), own, 0, [](const auto&) { return true; }), {}, tables);
  const Place around = places_.front();
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const SettingsTable& table = tables[i];
    if (table.name != kHostTable) continue;
    const Settings settings = Overlaid(own, table);
    Place place = Inside(around, settings, 0, SetsIn(table));
    place.source.host = i;
    AddNames(table.settings.Texts("name"), hosts_.size());
    AddHost(settings, std::move(place), table.tables, tables);
  }
  complete_ = nullptr;  // what it refers to may end now
  std::sort(exact_.begin(), exact_.end());
  std::sort(wildcards_.begin(), wildcards_.end());
}

Place PlaceTable::Inside(Place around, const Settings& settings, std::size_t prefix, const SetsAny& sets) {
  Place place = std::move(around);
  Decide(settings, prefix, sets, place);
  if (sets(FileSettingTable())) place.files = std::make_shared<const FileRules>(settings);
  if (sets(AnswerSettingTable())) place.answer = std::make_shared<const AnswerRules>(settings);
  if (sets(CompressSettingTable())) place.compress = std::make_shared<const CompressRules>(settings);
  place.fallback = settings.Text("fallback");
  place.hidden_files = settings.Flag("hidden_files");
  place.redirect.target = settings.Text("redirect");
  place.redirect.status = StatusIn(settings.Text("redirect_status"));
  place.redirect.append = settings.Flag("redirect_append");
  if (settings.Text("denied") != "no") place.denied = StatusIn(settings.Text("denied"));
  if (complete_ != nullptr && problem_.Ok()) problem_ = complete_(settings, sets, place);
  return place;
}

void PlaceTable::AddHost(const Settings& settings, Place place, const std::vector<SettingsTable>& own,
                         const std::vector<SettingsTable>& shared) {
  hosts_.push_back({places_.size(), {}});
  places_.push_back(std::move(place));
  AddLocations(settings, own, true);
  AddLocations(settings, shared, false);
  std::vector<Location>& locations = hosts_.back().locations;
  std::stable_sort(locations.begin(), locations.end(),
                   [](const Location& a, const Location& b) { return a.path.size() > b.path.size(); });
}

// Of the last host.
void PlaceTable::AddLocations(const Settings& settings, const std::vector<SettingsTable>& tables,
                              bool of_host) {
  Host& host = hosts_.back();
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const SettingsTable& table = tables[i];
    if (table.name != kLocationTable) continue;
    const std::string path(LocationKey(table.settings.Text("path")));
    const bool known = std::any_of(host.locations.begin(), host.locations.end(),
                                   [&](const Location& each) { return each.path == path; });
    if (known) continue;  // the host's own one
    Place place = Inside(places_[host.place], Overlaid(settings, table), path.size(), SetsIn(table));
    place.source.location = i;
    place.source.location_of_host = of_host;
    host.locations.push_back({path, places_.size()});
    places_.push_back(std::move(place));
  }
}

void PlaceTable::AddNames(const std::vector<std::string>& names, std::size_t host) {
  for (const std::string& name : names) {
    std::string key = HostKey(name);
    if (key == kAnyHost) {
      any_ = host;
    } else if (key.starts_with("*.")) {
      wildcards_.emplace_back(key.substr(1), host);
    } else {
      exact_.emplace_back(std::move(key), host);
    }
  }
}

const Place& PlaceTable::Find(std::string_view host, std::string_view path) const {
  const Host& found = FindHost(host);
  for (const Location& location : found.locations) {
    if (IsWithin(path, location.path)) return places_[location.place];
  }
  return places_[found.place];
}

bool PlaceTable::HasLocations() const {
  return std::any_of(hosts_.begin(), hosts_.end(), [](const Host& host) { return !host.locations.empty(); });
}

const PlaceTable::Host& PlaceTable::FindHost(std::string_view authority) const {
  if (hosts_.size() == 1) return hosts_[0];
  const HostName name(authority);
  const std::string_view host = name.View();
  if (const std::size_t* exact = Lookup(exact_, host)) return hosts_[*exact];
  if (wildcards_.empty() || host.starts_with('[')) return hosts_[any_];
  for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
    if (const std::size_t* wildcard = Lookup(wildcards_, host.substr(dot))) return hosts_[*wildcard];
  }
  return hosts_[any_];
}

}  // namespace preforkd::http
