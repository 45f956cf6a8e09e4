#include "master/policy/fleet.h"

#include <algorithm>

#include "common/base/check.h"

namespace preforkd {
namespace {

// All restarts together: a burst of this many, then so many a second.
constexpr std::uint32_t kRestartBurst = 32;
constexpr double kRestartsPerSecond = 10.0;
// A worker that was ready for this long, or has finished a connection, was of use.
constexpr Duration kUsefulLife = std::chrono::seconds(1);
// Start failures of every slot after which the first generation gives up.
constexpr std::uint32_t kBootAttempts = 3;
// What a retiring worker gets beyond drain_timeout, at which it closes what is left by itself.
constexpr Duration kDrainGrace = std::chrono::seconds(1);

}  // namespace

Fleet::Fleet(std::uint32_t max_slots, std::uint32_t seed, Time now)
    : max_slots_(max_slots), random_(seed), budget_(kRestartBurst, kRestartsPerSecond, now) {}

// ---- events ----

void Fleet::Begin(Generation generation, std::uint32_t workers, const FleetSettings& settings, Time now) {
  current_ = Target{generation, workers, settings};
  booting_ = true;
  began_ = now;
  (void)AddWorkers(current_, now);  // the table is empty, and larger than any number that is allowed
}

void Fleet::Inherit(Generation generation, std::uint32_t workers, const FleetSettings& settings,
                    const std::vector<InheritedRecord>& inherited) {
  PF_CHECK(records_.empty(), "a fleet that has begun inherits nothing");
  current_ = Target{generation, workers, settings};
  for (const InheritedRecord& heir : inherited) {
    PF_CHECK(Raw(heir.slot) < max_slots_ && heir.state != WorkerState::kGone, "an inherited worker that cannot be");
    while (records_.size() <= Raw(heir.slot)) {
      records_.push_back(Record{});
      records_.back().slot = static_cast<Slot>(records_.size() - 1);
    }
    Record& record = records_[Raw(heir.slot)];
    record.state = heir.state;
    record.generation = generation;
    record.incarnation = heir.incarnation;
    record.wanted = heir.wanted;
    record.leaving = heir.leaving;
    record.extra = heir.extra;
    record.replaces = heir.replaces;
    record.ready_at = heir.ready_at;
    record.kill_at = heir.kill_at;
  }
  // One whose replacement has died is not replaced any more: nobody knows of the attempt.
  for (Record& record : records_) {
    const WorkerId id{record.slot, record.incarnation};
    record.leaving = record.leaving && std::any_of(records_.begin(), records_.end(),
                                                   [&](const Record& other) { return other.replaces == id; });
  }
}

void Fleet::Reload(Generation generation, std::uint32_t workers, const FleetSettings& settings, Time now) {
  PF_CHECK(MayReload(), "a reload inside a stop, or before the last one is over");
  next_ = Target{generation, workers, settings};
  if (!AddWorkers(*next_, now)) AbandonNext("no free slot: workers of earlier generations are still finishing", now);
}

void Fleet::Spawned(Slot slot, Incarnation incarnation, Time now) {
  Record& record = records_.at(Raw(slot));
  PF_CHECK(record.spawn_asked, "forked without being asked to");
  record.spawn_asked = false;
  record.start_at.reset();
  record.incarnation = incarnation;
  PF_CHECK(Move(record, WorkerEvent::kForked), "forked into a slot that has a process");
  record.kill_at = now + SettingsOf(record).start_timeout;
  if (!record.wanted) Release(record, now);  // changed our mind while the shell was forking
}

void Fleet::SpawnFailed(Slot slot, Time now) {
  Record& record = records_.at(Raw(slot));
  PF_CHECK(record.spawn_asked, "failed to fork without being asked to");
  record.spawn_asked = false;
  ++record.failures;
  if (record.extra) record.wanted = false;  // it was an attempt to help; the next need makes the next one
  if (!record.wanted) {
    record.start_at.reset();
    FinishIfEmpty();
    return;
  }
  if (next_ && record.generation == next_->generation) {
    AbandonNext("a worker could not be forked", now);
    return;
  }
  ScheduleRestart(record, now);
  GiveUpIfHopeless(now);
}

void Fleet::Ready(const WorkerId& id, Time now) {
  Record* record = Lookup(id);
  if (record == nullptr || !Move(*record, WorkerEvent::kReady)) return;
  booting_ = false;
  record->ready_at = now;
  record->kill_at.reset();
  ReleaseReplaced(*record, now);
  PromoteIfReady(now);
}

void Fleet::Exited(const WorkerId& id, bool served, Time now) {
  Record* record = Lookup(id);
  PF_CHECK(record != nullptr, "an unknown worker was waited for");
  const WorkerState was = record->state;
  PF_CHECK(Move(*record, WorkerEvent::kExited), "a worker exited twice");
  record->kill_at.reset();
  if (was == WorkerState::kRetiring || !record->wanted) {
    record->wanted = false;
    record->failures = 0;
  } else {
    OnUnexpectedExit(*record, was, served, now);
  }
  FinishIfEmpty();
}

void Fleet::OnUnexpectedExit(Record& record, WorkerState was, bool served, Time now) {
  const bool useful = was == WorkerState::kReady && (served || now - record.ready_at >= kUsefulLife);
  record.failures = useful ? 0 : record.failures + 1;
  if (record.leaving || record.extra) {  // its replacement is on the way already, or none is due
    record.leaving = false;
    record.wanted = false;
    BequeathReplaced(record);
    return;
  }
  if (next_ && record.generation == next_->generation && was == WorkerState::kStarting) {
    AbandonNext("a worker of it died before it was ready", now);
    return;
  }
  ScheduleRestart(record, now);
  GiveUpIfHopeless(now);
}

void Fleet::Replace(const WorkerId& id, Time now) {
  Record* record = Lookup(id);
  if (record == nullptr || record->leaving || !record->wanted || stopping_) return;
  if (record->state != WorkerState::kReady && record->state != WorkerState::kStarting) return;
  if (record->extra) return Release(*record, now);  // nobody takes its place: it was one too many anyway
  Record* replacement = AddWorker(record->generation, now);  // may move the table
  if (replacement == nullptr) return;  // no slot free: it stays, which is better than one worker fewer
  replacement->replaces = id;
  records_.at(Raw(id.slot)).leaving = true;
}

void Fleet::Scale(std::uint32_t workers, Time now) {
  PF_CHECK(workers >= 1, "a fleet of nobody");
  if (stopping_) return;
  current_.workers = workers;
  Replenish(now);
  // First those that do not serve yet. Then the highest slots: the low numbers, which label graphs, are the ones that
  // stay.
  for (const bool serving_too : {false, true}) {
    for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
      if (CountTargets(current_.generation) <= workers) return;
      const bool serves = record->state == WorkerState::kReady;
      if (IsTarget(*record, current_.generation) && (serving_too || !serves)) Release(*record, now);
    }
  }
}

void Fleet::AddExtra(Time now) {
  if (stopping_) return;
  if (Record* record = AddWorker(current_.generation, now)) record->extra = true;
}

void Fleet::ReleaseExtra(Time now) {
  for (auto record = records_.rbegin(); record != records_.rend(); ++record) {
    if (record->extra && record->wanted) return Release(*record, now);
  }
}

std::uint32_t Fleet::Extras() const {
  return static_cast<std::uint32_t>(std::count_if(
      records_.begin(), records_.end(), [](const Record& record) { return record.extra && record.wanted; }));
}

void Fleet::Stop(Time deadline, Time now) {
  stopping_ = true;
  if (next_) AbandonNext("the server is stopping", now);
  for (Record& record : records_) {
    Release(record, now);
    if (record.kill_at) record.kill_at = std::min(*record.kill_at, std::max(deadline, now) + kDrainGrace);
  }
  FinishIfEmpty();
}

void Fleet::StopAtOnce(Time now) {
  Stop(now, now);
  for (Record& record : records_) {
    if (record.state == WorkerState::kGone) continue;
    record.kill_at.reset();
    actions_.emplace_back(Kill{{record.slot, record.incarnation}, KillCause::kStopNow});
  }
}

void Fleet::Tick(Time now) {
  for (Record& record : records_) {
    if (record.start_at && *record.start_at <= now && !record.spawn_asked) AskSpawn(record);
    if (record.kill_at && *record.kill_at <= now) {
      record.kill_at.reset();
      actions_.emplace_back(
          Kill{{record.slot, record.incarnation},
               record.state == WorkerState::kStarting ? KillCause::kNotReady : KillCause::kNotFinished});
    }
  }
}

// ---- answers ----

std::vector<FleetAction> Fleet::TakeActions() {
  std::vector<FleetAction> actions;
  actions.swap(actions_);
  return actions;
}

std::optional<Time> Fleet::NextDeadline() const {
  std::optional<Time> next;
  const auto consider = [&next](const std::optional<Time>& time) {
    if (time && (!next || *time < *next)) next = time;
  };
  for (const Record& record : records_) {
    if (!record.spawn_asked) consider(record.start_at);
    consider(record.kill_at);
  }
  return next;
}

bool Fleet::Draining() const {
  return std::any_of(records_.begin(), records_.end(), [this](const Record& record) {
    const bool coming = next_ && record.generation == next_->generation;
    return record.state != WorkerState::kGone && record.generation != current_.generation && !coming;
  });
}

const Fleet::Record* Fleet::Find(const WorkerId& id) const { return const_cast<Fleet*>(this)->Lookup(id); }

// ---- inside ----

Fleet::Record* Fleet::Lookup(const WorkerId& id) {
  if (Raw(id.slot) >= records_.size()) return nullptr;
  Record& record = records_[Raw(id.slot)];
  return record.incarnation == id.incarnation ? &record : nullptr;
}

const FleetSettings& Fleet::SettingsOf(const Record& record) const {
  return next_ && record.generation == next_->generation ? next_->settings : current_.settings;
}

bool Fleet::IsTarget(const Record& record, Generation generation) const {
  return record.wanted && !record.leaving && !record.extra && record.generation == generation;
}

std::uint32_t Fleet::CountTargets(Generation generation) const {
  return static_cast<std::uint32_t>(std::count_if(
      records_.begin(), records_.end(), [&](const Record& record) { return IsTarget(record, generation); }));
}

bool Fleet::Move(Record& record, WorkerEvent event) {
  const Transition transition = Next(record.state, event);
  PF_CHECK(transition.verdict != Verdict::kBug, "impossible worker transition");
  record.state = transition.next;
  return transition.verdict == Verdict::kMoved;
}

Fleet::Record* Fleet::AddWorker(Generation generation, Time now) {
  auto free = std::find_if(records_.begin(), records_.end(), [](const Record& record) {
    return record.state == WorkerState::kGone && !record.wanted && !record.spawn_asked;
  });
  if (free == records_.end()) {
    if (records_.size() >= max_slots_) return nullptr;
    records_.push_back(Record{});
    free = records_.end() - 1;
    free->slot = static_cast<Slot>(records_.size() - 1);
  }
  const Slot slot = free->slot;
  const Incarnation last = free->incarnation;
  *free = Record{};
  free->slot = slot;
  free->incarnation = last;
  free->generation = generation;
  free->wanted = true;
  free->start_at = now;
  AskSpawn(*free);
  return &*free;
}

bool Fleet::AddWorkers(const Target& target, Time now) {
  for (std::uint32_t i = 0; i < target.workers; ++i) {
    if (AddWorker(target.generation, now) == nullptr) return false;
  }
  return true;
}

void Fleet::Replenish(Time now) {
  while (!stopping_ && CountTargets(current_.generation) < current_.workers) {
    if (AddWorker(current_.generation, now) == nullptr) return;
  }
}

void Fleet::AskSpawn(Record& record) {
  record.spawn_asked = true;
  actions_.emplace_back(Spawn{record.slot, record.generation});
}

// The slot is no longer wanted: its process retires, or it is not started at all.
void Fleet::Release(Record& record, Time now) {
  record.wanted = false;
  record.leaving = false;
  record.start_at.reset();
  ReleaseReplaced(record, now);
  if (record.state == WorkerState::kGone || !Move(record, WorkerEvent::kRetire)) return;
  record.kill_at = now + SettingsOf(record).drain_timeout + kDrainGrace;
  actions_.emplace_back(Retire{{record.slot, record.incarnation}});
}

// The one that `record` was started to replace leaves: its successor is ready, or is not wanted either.
void Fleet::ReleaseReplaced(Record& record, Time now) {
  if (!record.replaces) return;
  Record* old = Lookup(*record.replaces);
  record.replaces.reset();
  if (old != nullptr && old->leaving) Release(*old, now);
}

// `record` has died before it could relieve the one that it was to replace: its own replacement does that.
void Fleet::BequeathReplaced(Record& record) {
  const WorkerId id{record.slot, record.incarnation};
  for (Record& heir : records_) {
    if (heir.replaces == id) heir.replaces = record.replaces;
  }
  record.replaces.reset();
}

void Fleet::ScheduleRestart(Record& record, Time now) {
  const FleetSettings& settings = SettingsOf(record);
  const Duration delay =
      RestartDelay(record.failures, settings.backoff_min, settings.backoff_max,
                   static_cast<std::uint32_t>(static_cast<std::uint64_t>(random_()) * 2));
  record.start_at = std::max(now + delay, budget_.Take(now));
  if (*record.start_at <= now) AskSpawn(record);
}

void Fleet::AbandonNext(std::string reason, Time now) {
  PF_CHECK(next_.has_value(), "no generation to abandon");
  const Generation generation = next_->generation;
  for (Record& record : records_) {
    if (record.generation == generation) Release(record, now);
  }
  next_.reset();
  actions_.emplace_back(Abandon{generation, std::move(reason)});
  Scale(current_.workers, now);  // of those that were inherited some may be missing
}

void Fleet::PromoteIfReady(Time now) {
  if (!next_) return;
  const auto ready = static_cast<std::uint32_t>(
      std::count_if(records_.begin(), records_.end(), [&](const Record& record) {
        return IsTarget(record, next_->generation) && record.state == WorkerState::kReady;
      }));
  if (ready < next_->workers) return;
  current_ = *next_;
  next_.reset();
  actions_.emplace_back(Promote{current_.generation});  // first: the retiring ones must have somebody to follow
  for (Record& record : records_) {
    if (record.generation != current_.generation) Release(record, now);
  }
}

void Fleet::GiveUpIfHopeless(Time now) {
  if (!booting_ || stopping_) return;
  const bool late = now - began_ >= current_.settings.start_timeout;
  const std::uint32_t enough = late ? 1 : kBootAttempts;
  for (const Record& record : records_) {
    if (record.wanted && record.failures < enough) return;
  }
  exit_code_ = ExitCode::kUnavailable;
  StopAtOnce(now);
}

void Fleet::FinishIfEmpty() {
  if (!stopping_ || finished_) return;
  for (const Record& record : records_) {
    if (record.state != WorkerState::kGone || record.spawn_asked) return;
  }
  finished_ = true;
  actions_.emplace_back(Finish{exit_code_});
}

}  // namespace preforkd
