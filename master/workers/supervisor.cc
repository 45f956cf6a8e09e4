#include "master/workers/supervisor.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "common/base/check.h"
#include "common/base/log.h"
#include "master/workers/line_rescue.h"
#include "master/workers/strangers.h"

namespace preforkd {
namespace {

const char* TextOf(KillCause cause) {
  switch (cause) {
    case KillCause::kNotReady: return "not ready within start_timeout";
    case KillCause::kNotFinished: return "not finished within drain_timeout";
    case KillCause::kStopNow: return "told to stop at once";
  }
  return "?";
}

// Does `next` lack a service that `last` has?
bool LacksAService(const GenerationSpec& next, const GenerationSpec& last) {
  return std::any_of(last.services.begin(), last.services.end(), [&](const auto& service) {
    return std::none_of(next.services.begin(), next.services.end(),
                        [&](const auto& other) { return other.first == service.first; });
  });
}

}  // namespace

Supervisor::Supervisor(EventLoop& loop, const Scoreboard& scoreboard, PoolDispatchers& dispatcher, WorkerEntry worker,
                       Ledger& ledger, Hooks hooks)
    : loop_(loop),
      scoreboard_(scoreboard),
      dispatcher_(dispatcher),
      worker_(std::move(worker)),
      ledger_(ledger),
      hooks_(std::move(hooks)),
      fleet_(kMaxSlots, std::random_device{}()),
      reopening_(loop, [this](WorkerId id, std::uint64_t round) { return TellOfLogs(id, round); }),
      deadline_(loop, EventLoop::kPriorityControl, [this] {
        fleet_.Tick(Now());
        Settle();
      }),
      rounds_(loop, EventLoop::kPriorityControl, [this] { MakeRounds(); }),
      listen_again_(loop, EventLoop::kPriorityControl, [this] {
        ListenToAll();
        BuryTheSilent();
      }),
      recycle_(std::random_device{}()),
      self_report_(scoreboard.Master()),
      refused_calls_(scoreboard.Master()) {}

// ---- commands ----

void Supervisor::Begin(const GenerationSpec& generation) {
  generations_[generation.number] = generation;
  in_service_ = generation.number;
  fleet_.Begin(generation.number, generation.Targets(), Now());
  MakeRounds();
}

void Supervisor::Reload(const GenerationSpec& generation) {
  generations_[generation.number] = generation;
  fleet_.Reload(generation.number, generation.Targets(), Now());
  Settle();
}

void Supervisor::Scale(PoolId pool, std::uint32_t workers) {
  fleet_.Scale(pool, workers, Now());
  Settle();
}

Status Supervisor::Replace(Slot slot) {
  const std::vector<Fleet::Record>& records = fleet_.Records();
  const bool serves = Raw(slot) < records.size() && records[Raw(slot)].state == WorkerState::kReady &&
                      records[Raw(slot)].wanted;
  if (!serves) return Error{fmt::format("no worker serves in slot {}", Raw(slot))};
  const WorkerId id{slot, records[Raw(slot)].incarnation};
  if (records[Raw(slot)].leaving) return Error{fmt::format("worker {} is being replaced already", id)};
  if (fleet_.Stopping()) return Error{"the server is stopping"};
  if (!fleet_.Replace(id, Now())) return Error{fmt::format("worker {} stays: no slot is free for its replacement", id)};
  log::Notice("worker {} is replaced: the operator wants it", id);
  Add(scoreboard_.Master().recycled[RecycleReason::kAsked]);
  Settle();
  return {};
}

void Supervisor::Stop(Time deadline) {
  fleet_.Stop(deadline, Now());
  Settle();
}

void Supervisor::StopAtOnce() {
  fleet_.StopAtOnce(Now());
  Settle();
}

// ---- Fleet's answers ----

void Supervisor::Settle() {
  if (settling_) return;
  settling_ = true;
  for (FleetActions actions = fleet_.TakeActions(); !actions.empty();
       actions = fleet_.TakeActions()) {
    for (const FleetAction& action : actions) Execute(action);
  }
  settling_ = false;
  DropUnusedChannels();
  if (const auto next = fleet_.NextDeadline()) {
    deadline_.SetAt(*next);
  } else {
    deadline_.Cancel();
  }
  dispatcher_.Flush();
  hooks_.on_settled();
}

void Supervisor::DropUnusedChannels() {
  for (const auto& slot : slots_) {
    const Fleet::Record& record = fleet_.Records()[Raw(slot->Number())];
    if (slot->Alive() || unburied_.contains(slot->Number()) || !slot->HasChannel() || record.wanted) continue;
    if (!slot->Channel().Drained()) Reclaim(*slot);
    if (!slot->Channel().Drained()) continue;  // no descriptor is free: the next round tries again
    slot->DropChannel();
    ledger_.SlotEmptied(slot->Row());
    PublishState(*slot);
  }
}

void Supervisor::Execute(const FleetAction& action) {
  std::visit([this](const auto& concrete) { Do(concrete); }, action);
}

void Supervisor::Do(const Spawn& action) {
  WorkerSlot& slot = SlotOf(action.slot);
  const auto generation = generations_.find(action.generation);
  PF_CHECK(generation != generations_.end(), "asked to start a worker of a generation that is over");
  const Result<Incarnation> incarnation = Fork(slot, action.pool, generation->second);
  if (!incarnation.Ok()) {
    log::Error("slot={}: cannot start a worker: {}", Raw(action.slot), incarnation.Err().text);
    if (fleet_.Records()[Raw(action.slot)].extra) elastic_.StartFailed(Now());
    fleet_.SpawnFailed(action.slot, Now());
    return;
  }
  fleet_.Spawned(action.slot, incarnation.Value(), Now());
  PublishState(slot);
  log::Info("worker {} started, pid {}", slot.Id(), slot.Pid());
}

Result<Incarnation> Supervisor::Fork(WorkerSlot& slot, PoolId pool, const GenerationSpec& generation) {
  // A retired worker's, or one's of the program before this one: kept for what is still in it.
  if (slot.HasChannel() && (slot.Channel().Shut() || slot.Channel().Inherited())) {
    Reclaim(slot);
    if (!slot.Channel().Drained()) return Error{"the channel of the last worker still holds connections", 0};
    slot.DropChannel();
    ledger_.SlotEmptied(slot.Row());
  }
  if (const Status status = slot.EnsureChannel(); !status.Ok()) return status.Err();
  const Incarnation incarnation = Next(last_incarnation_);
  WorkerRow& row = slot.Row();
  ledger_.WorkerBegins(row, incarnation, generation.number, pool, Now());

  WorkerStart start;
  start.id = {slot.Number(), incarnation};
  start.generation = generation.number;
  start.master_pid = ::getpid();
  start.channel = slot.Channel().WorkerEnd();
  start.logs = logs_;
  start.detached = detached_;
  start.scoreboard = &scoreboard_;
  start.config = generation.config;
  start.pool = generation.FindPool(pool)->config;
  start.services = generation.ServicesOf(pool);
  Result<SpawnedProcess> process = SpawnProcess([&] { worker_(std::move(start)); });
  if (!process.Ok()) return process.Err();
  last_incarnation_ = incarnation;
  Set(row.pid, static_cast<std::uint64_t>(process.Value().pid));
  const Status status = slot.Adopt(
      std::move(process).Value(), incarnation, Now(), loop_, [this, &slot](Interest) { OnExit(slot); },
      [this, &slot](Interest) { OnMessages(slot); });
  if (status.Ok()) return incarnation;
  // ENOSPC, ENOMEM: nobody would hear of its end. It has taken nothing that it could have answered.
  slot.KillAndForget();
  (void)CloseLedger(slot, LossReason::kCrash);
  return status.Err();
}

void Supervisor::Do(const Retire& action) {
  WorkerSlot& slot = SlotOf(action.id.slot);
  PublishState(slot);
  reopening_.OnGone(action.id);
  dispatcher_.RemoveSlot(action.id.slot);
  // When the server stops, the worker itself serves what it has been sent; otherwise the others do.
  const std::size_t reclaimed = fleet_.Stopping() || service_gone_ ? 0 : Reclaim(slot);
  slot.Channel().CloseOurSide();
  log::Info("worker {} retires; {} untaken connections go to others", action.id, reclaimed);
}

void Supervisor::Do(const Kill& action) {
  WorkerSlot& slot = SlotOf(action.id.slot);
  if (!slot.Alive() || slot.Id() != action.id) return;
  log::Warning("worker {} pid {} gets SIGKILL: {}", action.id, slot.Pid(), TextOf(action.cause));
  if (action.cause == KillCause::kNotFinished) slot.SetLossReason(LossReason::kDrain);
  if (action.cause == KillCause::kStopNow) slot.SetLossReason(LossReason::kStopped);
  slot.Signal(SIGKILL);
}

void Supervisor::Do(const Booted& action) { hooks_.on_first_ready(action.generation); }

void Supervisor::Do(const Promote& action) {
  // First the listeners: what those that leave still have goes to the old workers, who know its service.
  hooks_.on_promote(action.generation);
  service_gone_ = LacksAService(generations_.at(action.generation), generations_.at(in_service_));
  in_service_ = action.generation;
  for (const Fleet::Record& record : fleet_.Records()) {
    if (record.generation != in_service_ || record.state != WorkerState::kReady) continue;
    dispatcher_.AddSlot(record.pool, record.slot, SlotOf(record.slot).Channel());
  }
  generations_.erase(generations_.begin(), generations_.find(action.generation));
}

void Supervisor::Do(const Abandon& action) {
  generations_.erase(action.generation);
  hooks_.on_abandon(action.generation, action.reason);
}

void Supervisor::Do(const Finish& action) { hooks_.on_finish(action.code, action.reason); }

// ---- what happens to workers ----

void Supervisor::OnExit(WorkerSlot& slot) {
  const pid_t pid = slot.Pid();
  const std::optional<ExitReport> report = slot.Reap();
  if (!report) return;
  unburied_[slot.Number()] = Unburied{pid, *report};
  BuryTheSilent();
}

bool Supervisor::IsWorker(pid_t pid) const {
  return std::any_of(slots_.begin(), slots_.end(), [pid](const auto& slot) { return slot->Alive() && slot->Pid() == pid; });
}

void Supervisor::ReapChildren() {
  while (const std::optional<pid_t> pid = EndedChild()) {
    const auto worker = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
      return slot->Alive() && slot->Pid() == *pid;
    });
    if (worker != slots_.end()) {
      OnExit(**worker);  // it would hide those behind it
    } else if (!hooks_.on_other_child(*pid)) {
      BuryStranger(*pid);
    }
  }
}

// First what a worker said before it died, then what it never took: only then is the rest lost. While no descriptor
// is free for its last words they wait in the channel, and nobody follows it, who would have to answer for them.
void Supervisor::BuryTheSilent() {
  std::erase_if(unburied_, [this](const auto& entry) {
    const auto& [number, dead] = entry;
    WorkerSlot& slot = SlotOf(number);
    const bool heard = slot.Distrusted() || HearOut(slot) != Hearing::kNoRoom;
    dispatcher_.RemoveSlot(number);  // behind its last words: one of them may have been that it is ready
    if (heard) Bury(slot, dead.pid, dead.report);
    return heard;
  });
  Settle();
}

void Supervisor::Bury(WorkerSlot& slot, pid_t pid, const ExitReport& report) {
  const WorkerId id = slot.Id();
  const WorkerState was = fleet_.Find(id)->state;
  if (was == WorkerState::kStarting && fleet_.Find(id)->extra) elastic_.StartFailed(Now());
  slot.StopListening();
  reopening_.OnGone(id);
  const bool served = Get(slot.Row().finished) + Get(slot.Row().handed_back) > 0;
  RescueLines(slot);
  WriteObituary(slot, pid, report, was);
  // What a worker that was not to be trusted has left in the channel would be taken for its successor's words.
  if (slot.Distrusted()) slot.DropChannel();
  if (was != WorkerState::kRetiring) died_at_[id.slot] = Now();
  fleet_.Exited(id, served, Now());
  if (!fleet_.Find(id)->wanted) died_at_.erase(id.slot);  // nobody follows
  PublishState(slot);
}

// What it has not written of the access log is written now.
void Supervisor::RescueLines(WorkerSlot& slot) {
  LineBuffer lines = slot.Mirror() == nullptr ? scoreboard_.Lines(slot.Number())
                                              : slot.Mirror()->Board()->Lines(slot.Number());
  preforkd::RescueLines(slot.Id(), lines, logs_.access);
}

void Supervisor::WriteObituary(WorkerSlot& slot, pid_t pid, const ExitReport& report, WorkerState was) {
  slot.RefreshTexts();
  refused_calls_.LastLook(slot.Id(), slot.Row());
  Obituary obituary;
  obituary.id = slot.Id();
  obituary.pid = pid;
  obituary.report = report;
  obituary.was = was;
  if (TakenForMemory(slot, report)) obituary.memory = Get(slot.Row().rss_bytes);
  obituary.uptime = Now() - slot.StartedAt();
  if (Get(slot.Row().callback_since_ns) != 0) obituary.conn = ConnId{Get(slot.Row().doing_conn)};
  obituary.doing = slot.Row().DescribeDoing(ToNanoseconds(Now()));
  // Of another program's worker the places would be named wrong: it was at other addresses.
  if (slot.Mirror() == nullptr) obituary.frames = NameFrames(slot.Row().crash);
  obituary.reclaimed = Reclaim(slot);
  const bool unasked = was != WorkerState::kRetiring || report.kind != ExitKind::kClean;
  std::string suspect;
  const bool poisoned = unasked && poison_watch_.OnDeath(slot.Row(), suspect);
  const RestartReason reason = ReasonOfDeath(slot, report, was);
  obituary.lost = CloseLedger(slot, hang_watch_.Aborted(slot.Id()) ? LossReason::kHang : slot.LossReasonOfDeath());
  hang_watch_.Forget(slot.Id());
  LogObituary(obituary);
  if (poisoned) {
    log::Warning("{} was being served in {} workers or more that died in a row: it may be what kills them", suspect,
                 PoisonWatch::kInARow);
  }
  if (unasked && !fleet_.Stopping()) Add(scoreboard_.Master().restarts[reason]);
}

RestartReason Supervisor::ReasonOfDeath(const WorkerSlot& slot, const ExitReport& report, WorkerState was) const {
  if (slot.Distrusted()) return RestartReason::kUntrusted;
  if (hang_watch_.Aborted(slot.Id())) return RestartReason::kHang;
  if (was == WorkerState::kStarting) return RestartReason::kStart;
  if (slot.LossReasonOfDeath() == LossReason::kDrain) return RestartReason::kDrain;
  if (report.kind == ExitKind::kUnknown) return RestartReason::kUnknown;
  return report.kind == ExitKind::kSignal ? RestartReason::kCrash : RestartReason::kExit;
}

std::size_t Supervisor::Reclaim(WorkerSlot& slot) {
  std::vector<PackedParcel> parcels;
  const std::size_t count = slot.Channel().Reclaim(parcels);
  for (PackedParcel& parcel : parcels) {
    log::Debug(parcel.Id(), "reclaimed from {}", slot.Id());
    dispatcher_.Submit(std::move(parcel));
  }
  return count;
}

std::uint64_t Supervisor::CloseLedger(WorkerSlot& slot, LossReason reason) {
  WorkerRow& row = slot.Row();
  // For lack of descriptors here some may still be in the channel: they are safe there, for the next incarnation
  // or for a later attempt.
  const bool none_left = slot.Channel().Drained() || slot.Distrusted();
  const std::uint64_t left = none_left ? 0 : std::min(row.Queued(), row.InProgress());
  slot.ForgetMirror();  // or the next look would bring all of it back
  const std::uint64_t lost = ledger_.WorkerEnded(row, left, reason);
  if (slot.HasChannel()) slot.Channel().StartIncarnation(left);
  return lost;
}

WorkerSlot& Supervisor::SlotOf(Slot slot) {
  while (slots_.size() <= Raw(slot)) {
    const auto number = static_cast<Slot>(slots_.size());
    slots_.push_back(std::make_unique<WorkerSlot>(number, scoreboard_.Use(number), ledger_));
  }
  return *slots_[Raw(slot)];
}

void Supervisor::PublishState(WorkerSlot& slot) {
  SlotState state = SlotState::kFree;
  const Fleet::Record& record = fleet_.Records()[Raw(slot.Number())];
  switch (record.state) {
    case WorkerState::kGone: state = record.wanted ? SlotState::kGone : SlotState::kFree; break;
    case WorkerState::kStarting: state = SlotState::kStarting; break;
    case WorkerState::kReady: state = SlotState::kReady; break;
    case WorkerState::kRetiring: state = SlotState::kRetiring; break;
  }
  slot.Row().state.store(state, std::memory_order_relaxed);
}

}  // namespace preforkd
