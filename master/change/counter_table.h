// CounterTable: gives each counter that the module of a service declares a number, and shows its names on the
// scoreboard. Service and name together keep their number as long as the server runs, over reloads and
// upgrades: so the sum over all workers never goes back, and a worker of an earlier generation never counts
// for another counter. Numbers are never free again.
//
// Master only.
#ifndef PREFORKD_MASTER_CHANGE_COUNTER_TABLE_H_
#define PREFORKD_MASTER_CHANGE_COUNTER_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/scoreboard/module_counters.h"
#include "common/scoreboard/scoreboard.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

class CounterTable {
 public:
  // `scoreboard` must outlive the table, and has no counters of modules yet.
  explicit CounterTable(const Scoreboard& scoreboard) : scoreboard_(scoreboard) {}

  // Error: `config` has more new counters than numbers are left.
  [[nodiscard]] Status HasRoomFor(const Config& config) const;
  // New counters get the next numbers. kNoCounterNumber: none is left, which HasRoomFor tells before.
  CounterNumbers NumbersOf(const ServiceConfig& service);

  // ---- upgrade in place; the counts travel with the totals of the board (ForeignBoard::CopyTotals) ----
  void Save(UpgradeState& state) const;
  // Precondition: no number was given yet. DecodeState has checked that they are not too many.
  void Restore(const UpgradeState& state);

 private:
  using Key = std::pair<std::string, std::string>;  // service, counter

  std::uint16_t NumberOf(const std::string& service, const ModuleCounter& counter);

  const Scoreboard& scoreboard_;
  std::map<Key, std::uint16_t> numbers_;
};

}  // namespace preforkd

#endif
