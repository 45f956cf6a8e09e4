#include "master/change/counter_table.h"

#include <fmt/format.h>

#include <set>

namespace preforkd {

Status CounterTable::HasRoomFor(const Config& config) const {
  std::set<Key> fresh;
  for (const ServiceConfig& service : config.services) {
    for (const ModuleCounter& counter : service.Counters()) {
      Key key{service.name, counter.name};
      if (!numbers_.contains(key)) fresh.insert(std::move(key));
    }
  }
  if (fresh.size() <= kMaxModuleCounters - numbers_.size()) return {};
  return Error{
      fmt::format("counters of modules: {} are new, {} have been used since the start, the limit is {}; "
                  "restart the server to use others",
                  fresh.size(), numbers_.size(), kMaxModuleCounters)};
}

CounterNumbers CounterTable::NumbersOf(const ServiceConfig& service) {
  CounterNumbers numbers;
  for (const ModuleCounter& counter : service.Counters()) numbers.push_back(NumberOf(service.name, counter));
  return numbers;
}

std::uint16_t CounterTable::NumberOf(const std::string& service, const ModuleCounter& counter) {
  const auto known = numbers_.find({service, counter.name});
  if (known != numbers_.end()) {
    scoreboard_.ModuleCounterRows()[known->second].help.Write(counter.help);  // a new version may change it
    return known->second;
  }
  if (numbers_.size() >= kMaxModuleCounters) return kNoCounterNumber;
  scoreboard_.AddModuleCounter(service, counter.name, counter.help);
  const auto number = static_cast<std::uint16_t>(numbers_.size());
  numbers_[{service, counter.name}] = number;
  return number;
}

void CounterTable::Save(UpgradeState& state) const {
  state.module_counters.resize(numbers_.size());
  for (const auto& [key, number] : numbers_) {
    state.module_counters[number] = {key.first, key.second,
                                     scoreboard_.ModuleCounterRows()[number].help.Read()};
  }
}

void CounterTable::Restore(const UpgradeState& state) {
  for (const SavedCounter& saved : state.module_counters) {
    (void)NumberOf(saved.service, ModuleCounter{saved.name, saved.help});
  }
}

}  // namespace preforkd
