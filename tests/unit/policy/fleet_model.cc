#include "tests/unit/policy/fleet_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace preforkd::testing {
namespace {

void Insist(bool condition, const std::string& otherwise) {
  if (!condition) throw std::logic_error(otherwise);
}

std::string Text(const WorkerId& id) { return fmt::format("{}.{}", Raw(id.slot), Raw(id.incarnation)); }

}  // namespace

FleetModel::FleetModel(std::uint32_t seed, std::uint32_t max_slots)
    : seed_(seed), max_slots_(max_slots), fleet_(max_slots, seed) {}

std::vector<PoolTarget> FleetModel::Targets(const Pools& pools) const {
  std::vector<PoolTarget> targets;
  for (const auto& [pool, workers] : pools) {
    targets.push_back({pool, fmt::format("p{}", Raw(pool)), workers, settings});
  }
  return targets;
}

void FleetModel::Begin(const Pools& pools) {
  serving_ = static_cast<Generation>(++last_generation_);
  serving_pools_ = pools;
  fleet_.Begin(serving_, Targets(pools), now_);
  ApplyActions();
}

void FleetModel::Reload(const Pools& pools) {
  coming_ = static_cast<Generation>(++last_generation_);
  coming_pools_ = pools;
  fleet_.Reload(*coming_, Targets(pools), now_);
  ApplyActions();
}

void FleetModel::Upgrade(const std::optional<Pools>& pools) {
  std::vector<SavedRecord> saved;
  for (const Fleet::Record& record : fleet_.Records()) {
    if (record.state == WorkerState::kGone) continue;
    saved.push_back(record);
  }
  Pools desired;
  for (const auto& [pool, workers] : serving_pools_) desired[pool] = fleet_.Desired(pool);
  fleet_ = Fleet(max_slots_, ++seed_);
  fleet_.Restore(serving_, Targets(desired), saved);
  Tell("upgrade");
  if (pools) return Reload(*pools);
  for (const auto& [pool, workers] : desired) Scale(workers, pool);
}

void FleetModel::Scale(std::uint32_t workers, PoolId pool) {
  fleet_.Scale(pool, workers, now_);
  ApplyActions();
}

void FleetModel::AddExtra(PoolId pool) {
  fleet_.AddExtra(pool, now_);
  ApplyActions();
}

void FleetModel::ReleaseExtra(PoolId pool) {
  fleet_.ReleaseExtra(pool, now_);
  ApplyActions();
}

void FleetModel::Stop(bool at_once, Duration within) {
  if (at_once) {
    fleet_.StopAtOnce(now_);
  } else {
    fleet_.Stop(now_ + within, now_);
  }
  ApplyActions();
}

void FleetModel::Advance(Duration span) {
  now_ += span;
  fleet_.Tick(now_);
  ApplyActions();
  const std::optional<Time> next = fleet_.NextDeadline();
  Insist(!next || *next > now_, "a deadline in the past after Tick: the loop would spin");
}

void FleetModel::AdvanceToDeadline() {
  const std::optional<Time> next = fleet_.NextDeadline();
  if (next) Advance(std::max(*next - now_, Duration(0)));
}

void FleetModel::MakeReady(const WorkerId& id) {
  Live(id, "ready").ready = true;
  fleet_.Ready(id, now_);
  ApplyActions();
}

void FleetModel::AskReplacement(const WorkerId& id) {
  (void)fleet_.Replace(id, now_);
  ApplyActions();
}

void FleetModel::Exit(WorkerId id, bool served) {
  (void)Live(id, "exiting");
  processes_.erase(Raw(id.slot));
  fleet_.Exited(id, served, "exit status 3", now_);
  ApplyActions();
}

std::vector<FleetModel::Process> FleetModel::Of(Generation generation) const {
  std::vector<Process> found;
  for (const auto& [slot, process] : processes_) {
    if (process.generation == generation) found.push_back(process);
  }
  return found;
}

std::uint32_t FleetModel::ReadyInService(PoolId pool) const {
  return static_cast<std::uint32_t>(
      std::count_if(processes_.begin(), processes_.end(), [&](const auto& entry) {
        const Process& process = entry.second;
        return process.pool == pool && process.generation == serving_ && process.ready && !process.retired;
      }));
}

std::string FleetModel::TakeStory() {
  std::string story;
  story.swap(story_);
  return story;
}

void FleetModel::ApplyActions() {
  for (FleetActions actions = fleet_.TakeActions(); !actions.empty(); actions = fleet_.TakeActions()) {
    for (const FleetAction& action : actions) {
      Insist(!finished_, "an action after the last one");
      std::visit([this](const auto& concrete) { Do(concrete); }, action);
    }
  }
}

void FleetModel::Do(const Spawn& action) {
  Insist(!processes_.contains(Raw(action.slot)), "a second process in one slot");
  Insist(action.generation == serving_ || action.generation == coming_,
         "a worker of a generation that is over");
  const Pools& pools = action.generation == serving_ ? serving_pools_ : coming_pools_;
  Insist(pools.contains(action.pool), "a worker of a pool that the generation does not have");
  if (failing_forks_ > 0) {
    --failing_forks_;
    Tell(fmt::format("fork fails {}", Raw(action.slot)));
    fleet_.SpawnFailed(action.slot, now_);
    return;
  }
  const WorkerId id{action.slot, static_cast<Incarnation>(++last_incarnation_)};
  Process process;
  process.id = id;
  process.pool = action.pool;
  process.generation = action.generation;
  processes_[Raw(action.slot)] = process;
  starts_[action.pool].push_back(now_);
  const std::string pool = action.pool == kMainPool ? "" : fmt::format(" p{}", Raw(action.pool));
  Tell(fmt::format("spawn {} g{}{}", Text(id), Raw(action.generation), pool));
  fleet_.Spawned(action.slot, id.incarnation, now_);
}

void FleetModel::Do(const Retire& action) {
  Process& process = Live(action.id, "told to retire");
  Insist(!process.retired, "told to retire twice");
  process.retired = true;
  Tell("retire " + Text(action.id));
}

void FleetModel::Do(const Kill& action) {
  Live(action.id, "killed").killed = true;
  Tell("kill " + Text(action.id));
}

void FleetModel::Do(const Booted& action) {
  Insist(action.generation == serving_, "booted with a generation that is not in service");
  Insist(!std::exchange(booted_, true), "booted twice");
  Tell(fmt::format("booted g{}", Raw(action.generation)));
}

void FleetModel::Do(const Promote& action) {
  Insist(coming_ == action.generation, "a promotion of a generation that is not coming");
  Pools ready;
  for (const Process& process : Of(action.generation))
    ready[process.pool] += process.ready && !process.retired ? 1 : 0;
  for (const auto& [pool, workers] : coming_pools_) {
    Insist(ready[pool] >= workers, "a promotion before all first workers are ready");
  }
  serving_ = action.generation;
  serving_pools_ = coming_pools_;
  coming_.reset();
  Tell(fmt::format("promote g{}", Raw(action.generation)));
}

void FleetModel::Do(const Abandon& action) {
  Insist(coming_ == action.generation, "an end of a generation that is not coming");
  coming_.reset();
  reason_ = action.reason;
  Tell(fmt::format("abandon g{}", Raw(action.generation)));
}

void FleetModel::Do(const Finish& action) {
  Insist(processes_.empty(), "finished while a process lives");
  finished_ = action.code;
  reason_ = action.reason;
  Tell(fmt::format("finish {}", static_cast<int>(action.code)));
}

FleetModel::Process& FleetModel::Live(const WorkerId& id, const char* what) {
  const auto found = processes_.find(Raw(id.slot));
  Insist(found != processes_.end() && found->second.id == id,
         fmt::format("{}: {}, which does not live", Text(id), what));
  return found->second;
}

void FleetModel::Tell(const std::string& line) { story_ += (story_.empty() ? "" : ", ") + line; }

}  // namespace preforkd::testing
