// Supervisor, the part that looks instead of waiting for events: who does not answer any more, who has served
// for long enough, and whether there should be extra workers because all others are blocked.
#include <algorithm>
#include <csignal>

#include "common/base/log.h"
#include "common/process/process_state.h"
#include "master/workers/supervisor.h"

namespace preforkd {
namespace {

RecycleReason ReasonOf(RecycleLimit limit) {
  switch (limit) {
    case RecycleLimit::kRequests: return RecycleReason::kRequests;
    case RecycleLimit::kMemory: return RecycleReason::kMemory;
    case RecycleLimit::kLifetime: return RecycleReason::kLifetime;
  }
  return RecycleReason::kAsked;
}

}  // namespace

void Supervisor::MakeRounds() {
  const Time now = Now();
  self_report_.Publish();
  const std::size_t held = Get(scoreboard_.Master().parked) + Get(scoreboard_.Master().waiting);
  heap_.Look(held, held, now);
  for (const auto& slot : slots_) slot->RefreshTexts();
  for (const auto& board : ForeignBoards()) board->CollectDropped();
  NoteOomKills(now);
  JudgeHangs(now);
  for (const auto& slot : slots_) {
    if (slot->Alive()) refused_calls_.Look(slot->Id(), slot->Row(), now);
  }
  RecycleOne(now);
  if (elastic_.CanSpareOne(ReadPressure(), now)) {
    log::Notice("an extra worker is not needed any more");
    fleet_.ReleaseExtra(kMainPool, now);
  }
  rounds_.SetAfter(HangWatch::Interval(generations_[fleet_.Current()].config->supervision.hang_timeout));
  Settle();
}

void Supervisor::NoteOomKills(Time now) {
  if (const auto count = oom_counter_.Read()) oom_ledger_.Note(*count, now);
}

bool Supervisor::TakenForMemory(const WorkerSlot& slot, const ExitReport& report) {
  const bool by_us = slot.Distrusted() || hang_watch_.Aborted(slot.Id()) ||
                     slot.LossReasonOfDeath() != LossReason::kCrash;
  if (by_us || report.kind != ExitKind::kSignal || report.code != SIGKILL) return false;
  const Time now = Now();
  NoteOomKills(now);
  return oom_ledger_.Claim(now);
}

void Supervisor::JudgeHangs(Time now) {
  const Duration timeout = generations_[fleet_.Current()].config->supervision.hang_timeout;
  if (hang_watch_.BeginRound(timeout, now)) log::Notice("the master was paused: every worker gets a fresh period");
  for (const Fleet::Record& record : fleet_.Records()) {
    if (record.state != WorkerState::kReady && record.state != WorkerState::kRetiring) continue;
    WorkerSlot& slot = SlotOf(record.slot);
    // One that is told to leave while it starts has not beaten yet.
    const Time heartbeat = std::max(slot.StartedAt(),
                                    FromNanoseconds(static_cast<std::int64_t>(Get(slot.Row().heartbeat_ns))));
    switch (hang_watch_.Judge(slot.Id(), heartbeat, timeout, now)) {
      case HangWatch::Verdict::kFine: break;
      case HangWatch::Verdict::kAbort:
        log::Error("worker {} pid {} has not answered for {:.1f} s and gets SIGABRT; it is doing: {}", slot.Id(),
                   slot.Pid(), Seconds(now - HangWatch::SilentSince(heartbeat)), slot.Row().DescribeDoing(ToNanoseconds(now)));
        slot.Signal(SIGABRT);
        break;
      case HangWatch::Verdict::kKill:
        log::Error("worker {} pid {} has outlived SIGABRT and gets SIGKILL", slot.Id(), slot.Pid());
        slot.Signal(SIGKILL);
        break;
    }
  }
}

std::uint32_t Supervisor::CountInService(PoolId pool, WorkerState state) const {
  const std::vector<Fleet::Record>& records = fleet_.Records();
  return static_cast<std::uint32_t>(std::count_if(records.begin(), records.end(), [&](const Fleet::Record& record) {
    return record.pool == pool && record.state == state && record.generation == in_service_;
  }));
}

std::uint32_t Supervisor::Count(PoolId pool, WorkerState state) const {
  const std::vector<Fleet::Record>& records = fleet_.Records();
  return static_cast<std::uint32_t>(std::count_if(records.begin(), records.end(), [&](const Fleet::Record& record) {
    return record.pool == pool && record.state == state;
  }));
}

std::uint32_t Supervisor::MostWorkers(PoolId pool) const {
  const auto current = generations_.find(fleet_.Current());
  const PoolSpec* const spec = current != generations_.end() ? current->second.FindPool(pool) : nullptr;
  const std::uint32_t most = spec != nullptr ? spec->config->workers_max : 0;
  // No more than half of the slots: a reload needs as many again.
  return most != 0 ? most : std::min(4 * fleet_.Desired(pool), kMaxSlots / 2);
}

std::uint32_t Supervisor::Beating(Time now) const {
  const auto current = generations_.find(in_service_);
  if (current == generations_.end()) return 0;
  const auto since = ToNanoseconds(now - current->second.config->supervision.hang_timeout - kHeartbeatInterval);
  std::uint32_t beating = 0;
  for (const Fleet::Record& record : fleet_.Records()) {
    if (record.state != WorkerState::kReady || record.generation != in_service_) continue;
    if (static_cast<std::int64_t>(Get(scoreboard_.Row(record.slot).heartbeat_ns)) > since) ++beating;
  }
  return beating;
}

void Supervisor::RecycleOne(Time now) {
  // A generation that comes in replaces everybody anyway.
  if (fleet_.Stopping() || fleet_.Changing()) return;
  const std::vector<Fleet::Record>& records = fleet_.Records();
  if (std::any_of(records.begin(), records.end(), [](const auto& record) { return record.leaving; })) return;
  const SupervisionConfig& config = generations_[fleet_.Current()].config->supervision;
  const RecycleLimits limits{config.max_requests, config.max_memory, config.max_lifetime};
  for (const Fleet::Record& record : records) {
    if (record.state != WorkerState::kReady) continue;
    WorkerSlot& slot = SlotOf(record.slot);
    const RecycleReading reading{record.incarnation, Get(slot.Row().requests), Get(slot.Row().rss_bytes),
                                 now - slot.StartedAt()};
    const std::optional<RecycleVerdict> verdict = recycle_.Judge(reading, limits);
    if (!verdict) continue;
    const RecycleReason reason = ReasonOf(verdict->limit);
    if (!fleet_.Replace(slot.Id(), now)) return;  // no slot is free: the next round tries again
    log::Notice("worker {} is replaced: {}", slot.Id(), verdict->text);
    return Add(scoreboard_.Master().recycled[reason]);  // the table has changed
  }
}

ElasticReading Supervisor::ReadPressure() const {
  const Pressure pressure = dispatcher_.CurrentPressure(kMainPool);
  ElasticReading reading;
  reading.ready = pressure.ready;
  reading.blocked = pressure.blocked;
  reading.waiting = pressure.waiting;
  reading.desired = fleet_.Desired(kMainPool);
  reading.extras = fleet_.Extras(kMainPool);
  reading.most = MostWorkers(kMainPool);
  for (const Fleet::Record& record : fleet_.Records()) {
    if (record.state == WorkerState::kStarting && record.generation == fleet_.Current()) ++reading.starting;
  }
  return reading;
}

bool Supervisor::AllAsleep() const {
  return std::all_of(slots_.begin(), slots_.end(), [this](const auto& slot) {
    const Fleet::Record& record = fleet_.Records()[Raw(slot->Number())];
    if (record.state != WorkerState::kReady || record.generation != in_service_) return true;
    return slot->Alive() && IsAsleep(slot->Pid());
  });
}

void Supervisor::OnAllHeldUp(PoolId pool) {
  const Time now = Now();
  if (fleet_.Stopping()) return;
  ElasticReading reading = ReadPressure();
  // Not for the whole of reclaim_after yet, and clients wait: who sleeps in there is believed to be blocked already.
  if (reading.blocked < reading.ready && AllAsleep()) reading.blocked = reading.ready;
  if (!elastic_.WantsOneMore(reading, now)) return;
  log::Notice("all {} workers are blocked and {} connections wait: starting one more", reading.ready, reading.waiting);
  fleet_.AddExtra(pool, now);
  Settle();
}

}  // namespace preforkd
