#include "master/policy/fleet/fleet.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/check.h"

namespace preforkd {
namespace {

// A worker that was ready for this long, or has finished a connection, was useful.
constexpr Duration kUsefulLife = std::chrono::seconds(1);

std::string NoRoom(const GenerationTarget& target) {
  return fmt::format("there are not {} free slots for its workers", target.Workers());
}

// `last`: how the last one ended.
std::string NeverReady(const GenerationTarget& target, const PoolTarget& pool, const std::string& last) {
  if (target.pools.size() < 2)
    return fmt::format("no worker of the first generation became ready; the last one: {}", last);
  return fmt::format("no worker of pool \"{}\" became ready; the last one: {}", pool.name, last);
}

}  // namespace

Fleet::Fleet(std::uint32_t max_slots, std::uint32_t seed) : table_(max_slots), restarts_(seed) {}

// ---- generations ----

void Fleet::Begin(Generation generation, std::vector<PoolTarget> pools, Time now) {
  current_ = GenerationTarget{generation, std::move(pools)};
  CheckTarget(current_);
  boot_.Begin(current_, now);
  if (table_.AddAll(current_, now)) return;
  finish_ = {ExitCode::kUnavailable, NoRoom(current_)};
  StopAtOnce(now);
}

void Fleet::Restore(Generation generation, std::vector<PoolTarget> pools,
                    const std::vector<SavedRecord>& saved) {
  PF_CHECK(table_.Records().empty(), "a fleet that has begun cannot be restored");
  current_ = GenerationTarget{generation, std::move(pools)};
  CheckTarget(current_);
  for (const SavedRecord& record : saved) table_.Restore(record, current_);
  table_.EndRestore();
}

void Fleet::Reload(Generation generation, std::vector<PoolTarget> pools, Time now) {
  PF_CHECK(MayReload(), "a reload during a stop or during another reload");
  next_ = GenerationTarget{generation, std::move(pools)};
  CheckTarget(*next_);
  if (!table_.AddAll(*next_, now)) AbandonNext(NoRoom(*next_), now);
}

void Fleet::AbandonNext(std::string reason, Time now) {
  PF_CHECK(next_.has_value(), "no generation to abandon");
  const Generation generation = next_->number;
  for (Record& record : table_.Records()) {
    if (record.generation == generation) table_.Release(record, now);
  }
  next_.reset();
  table_.Push(Abandon{generation, std::move(reason)});
  if (Stopping()) return;
  // Some workers may be missing if this generation was restored.
  for (const PoolTarget& pool : current_.pools) table_.Resize(pool, current_.number, now);
}

void Fleet::PromoteIfReady(Time now) {
  if (!next_) return;
  const bool ready = std::all_of(next_->pools.begin(), next_->pools.end(), [this](const PoolTarget& pool) {
    return table_.CountReady(pool.pool, next_->number) >= pool.workers;
  });
  if (!ready) return;
  current_ = std::move(*next_);
  next_.reset();
  table_.Push(Promote{current_.number});  // first: others must be ready to take over from those that retire
  if (!boot_.Over()) table_.Push(Booted{current_.number});
  boot_.End();
  for (Record& record : table_.Records()) {
    if (record.generation == current_.number) continue;
    // Where the new configuration still has the pool, its drain_timeout applies to the old workers.
    if (const PoolTarget* pool = current_.Find(record.pool)) record.settings = pool->settings;
    table_.Release(record, now);
  }
}

bool Fleet::Draining() const {
  const std::vector<Record>& records = table_.Records();
  return std::any_of(records.begin(), records.end(), [this](const Record& record) {
    const bool coming = next_ && record.generation == next_->number;
    return record.state != WorkerState::kGone && record.generation != current_.number && !coming;
  });
}

// ---- workers ----

void Fleet::Spawned(Slot slot, Incarnation incarnation, Time now) {
  Record& record = table_.At(slot);
  PF_CHECK(record.spawn_asked, "forked without a Spawn action");
  record.spawn_asked = false;
  record.start_at.reset();
  record.incarnation = incarnation;
  PF_CHECK(table_.Move(record, WorkerEvent::kForked), "forked into a slot that has a process");
  record.kill_at = now + record.settings.start_timeout;
  if (!record.wanted) table_.Release(record, now);  // released while the shell was forking
}

void Fleet::SpawnFailed(Slot slot, Time now) {
  Record& record = table_.At(slot);
  PF_CHECK(record.spawn_asked, "failed to fork without a Spawn action");
  record.spawn_asked = false;
  ++record.failures;
  if (record.extra) record.wanted = false;  // extras are not retried; Elastic asks again if needed
  if (!record.wanted) {
    record.start_at.reset();
    FinishIfEmpty();
  } else if (next_ && record.generation == next_->number) {
    AbandonNext(next_->About(record.pool, "a worker could not be forked"), now);
  } else {
    Restart(record, "it could not be forked", now);
  }
}

void Fleet::Ready(const WorkerId& id, Time now) {
  Record* record = table_.Find(id);
  if (record == nullptr || !table_.Move(*record, WorkerEvent::kReady)) return;
  record->ready_at = now;
  record->kill_at.reset();
  if (record->generation == current_.number && boot_.OnReady(record->pool))
    table_.Push(Booted{current_.number});
  table_.ReleaseReplaced(*record, now);
  PromoteIfReady(now);
}

void Fleet::Exited(const WorkerId& id, bool served, const std::string& why, Time now) {
  Record* record = table_.Find(id);
  PF_CHECK(record != nullptr, "an unknown worker exited");
  const WorkerState was = record->state;
  PF_CHECK(table_.Move(*record, WorkerEvent::kExited), "a worker exited twice");
  const bool late = was == WorkerState::kStarting && !record->kill_at;
  record->kill_at.reset();
  const bool useful = was == WorkerState::kReady && (served || now - record->ready_at >= kUsefulLife);
  record->failures = useful ? 0 : record->failures + 1;
  if (was == WorkerState::kRetiring || !record->wanted) {
    record->wanted = false;
    FinishIfEmpty();
  } else if (record->leaving || record->extra) {  // its replacement is on the way, or it gets none
    record->leaving = false;
    record->wanted = false;
    table_.PassOnReplaced(*record);
  } else if (next_ && record->generation == next_->number && was == WorkerState::kStarting) {
    const char* const what = late ? "was not ready within its start_timeout" : "exited before it was ready";
    AbandonNext(next_->About(record->pool, fmt::format("a worker {}: {}", what, why)), now);
  } else {
    Restart(*record, why, now);
  }
}

// Gives up instead when the first generation cannot come up; not while another generation is starting, which
// may still succeed.
void Fleet::Restart(Record& record, const std::string& why, Time now) {
  table_.StartAt(record, restarts_.NextStart(record.pool, record.failures, record.settings, now), now);
  const PoolTarget* pool = current_.Find(record.pool);
  if (Stopping() || next_ || pool == nullptr || !boot_.Hopeless(*pool, table_.Records(), now)) return;
  finish_ = {ExitCode::kUnavailable, NeverReady(current_, *pool, why)};
  StopAtOnce(now);
}

bool Fleet::Replace(const WorkerId& id, Time now) { return !Stopping() && table_.Replace(id, now); }

// ---- worker numbers ----

void Fleet::Scale(PoolId pool, std::uint32_t workers, Time now) {
  PoolTarget* target = current_.Find(pool);
  PF_CHECK(target != nullptr && workers >= 1, "scaling an unknown pool, or to 0 workers");
  if (Stopping()) return;
  target->workers = workers;
  table_.Resize(*target, current_.number, now);
}

void Fleet::AddExtra(PoolId pool, Time now) {
  const PoolTarget* target = current_.Find(pool);
  if (Stopping() || target == nullptr) return;
  if (Record* record = table_.Add(pool, target->settings, current_.number, now)) record->extra = true;
}

void Fleet::ReleaseExtra(PoolId pool, Time now) {
  std::vector<Record>& records = table_.Records();
  const auto extra = std::find_if(records.rbegin(), records.rend(), [pool](const Record& record) {
    return record.pool == pool && record.extra && record.wanted;
  });
  if (extra != records.rend()) table_.Release(*extra, now);
}

std::uint32_t Fleet::Desired(PoolId pool) const {
  const PoolTarget* target = current_.Find(pool);
  return target != nullptr ? target->workers : 0;
}

// ---- the end ----

void Fleet::Stop(Time deadline, Time now) {
  if (life_ == Life::kRunning) life_ = Life::kStopping;
  if (next_) AbandonNext("the server is stopping", now);
  table_.ReleaseAll(deadline, now);
  FinishIfEmpty();
}

void Fleet::StopAtOnce(Time now) {
  Stop(now, now);
  table_.KillAll(KillCause::kStopNow);
}

void Fleet::FinishIfEmpty() {
  if (life_ != Life::kStopping || !table_.Empty()) return;
  life_ = Life::kFinished;
  table_.Push(finish_);
}

}  // namespace preforkd
