// CheckPlaces: what is wrong in the hosts and locations of one service.
#include <fmt/core.h>

#include <map>
#include <string>
#include <utility>

#include "common/text/quote.h"
#include "worker/http/answer/answer_rules.h"
#include "worker/http/place/place_settings.h"

namespace preforkd {
namespace {

// Each is a place of its own, which a worker has in memory.
constexpr std::size_t kMaxPlaces = 16384;

// Where the first table with that name or path was written.
using Taken = std::map<std::string, std::string>;

class Checker {
 public:
  void CheckService(const Settings& settings, const std::vector<SettingsTable>& tables) {
    CheckPlace(PlaceSettingsOf(settings), {});
    if (IsSet(settings, "redirect") && settings.Text("denied") != "no")
      Add({}, "redirect", "denied is set too; write one of the two");
    const std::size_t own = CheckTables(tables, {});
    std::size_t hosts = 0;
    std::size_t places = own;
    for (const SettingsTable& table : tables) {
      if (table.name != kHostTable) continue;
      ++hosts;
      places += own + 1 + table.tables.size();
    }
    if (places > kMaxPlaces) {
      Add({}, "",
          fmt::format("{} hosts have {} places together, with the locations of the service in each; "
                      "the maximum is {}",
                      hosts, places, kMaxPlaces));
    }
  }

  std::vector<SettingsProblem> Take() { return std::move(problems_); }

 private:
  using Index = std::vector<std::size_t>;

  static bool IsSet(const Settings& settings, std::string_view text) { return !settings.Text(text).empty(); }

  void Add(const Index& table, std::string setting, std::string text) {
    problems_.push_back({table, std::move(setting), std::move(text)});
  }

  // What every place has.
  void CheckPlace(const Settings& settings, const Index& index) {
    const Status size = CheckHeaderSize(settings.Texts("header"));
    if (!size.Ok()) Add(index, "header", size.Err().text);
  }

  // Returns the number of its locations.
  std::size_t CheckTables(const std::vector<SettingsTable>& tables, const Index& outer) {
    Taken hosts;
    Taken paths;
    std::size_t locations = 0;
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const SettingsTable& table = tables[i];
      Index index = outer;
      index.push_back(i);
      CheckPlace(Overlaid(Settings(PlaceSettingTable()), table), index);
      CheckOneOf(table, index);
      if (table.name == kHostTable) {
        CheckNames(table, index, hosts);
        (void)CheckTables(table.tables, index);
      } else {
        ++locations;
        CheckLocation(table, index, paths);
      }
    }
    return locations;
  }

  // Each of these says what answers.
  void CheckOneOf(const SettingsTable& table, const Index& index) {
    const char* first = nullptr;
    for (const char* name : {"root", "redirect", "denied"}) {
      const bool says =
          table.Sets(name) && !table.settings.Text(name).empty() && table.settings.Text(name) != "no";
      if (!says) continue;
      if (first != nullptr) Add(index, name, fmt::format("{} is set too; write one of the two", first));
      first = name;
    }
  }

  void CheckNames(const SettingsTable& table, const Index& index, Taken& taken) {
    for (const std::string& name : table.settings.Texts("name")) {
      TakeOnce(HostKey(name), name, table.written.Of("name"), index, "name", taken);
    }
    if (table.settings.Texts("name").empty()) Add(index, "name", "must not be empty");
  }

  void CheckLocation(const SettingsTable& table, const Index& index, Taken& taken) {
    const std::string& path = table.settings.Text("path");
    TakeOnce(std::string(LocationKey(path)), path, table.written.Of("path"), index, "path", taken);
  }

  void TakeOnce(const std::string& key, std::string_view shown, std::string_view where, const Index& index,
                const char* setting, Taken& taken) {
    const auto [first, fresh] = taken.emplace(key, where);
    if (fresh) return;
    Add(index, setting, fmt::format("{} is taken, at {}; write each once", Quoted(shown), first->second));
  }

  std::vector<SettingsProblem> problems_;
};

}  // namespace

std::vector<SettingsProblem> CheckPlaces(const Settings& settings, const std::vector<SettingsTable>& tables) {
  // A module with a protocol of its own has no such settings.
  if (!DeclaresPlaces(settings)) return {};
  Checker checker;
  checker.CheckService(settings, tables);
  return checker.Take();
}

}  // namespace preforkd
