#include "master/workers/supervisor.h"

#include <csignal>
#include <random>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/log.h"
#include "common/base/sys_error.h"
#include "master/workers/slots/foreign_boards.h"
#include "master/workers/slots/slot_connections.h"

namespace preforkd {
namespace {

const char* NameOf(KillCause cause) {
  switch (cause) {
    case KillCause::kNotReady: return "start_timeout";
    case KillCause::kNotFinished: return "drain_timeout";
    case KillCause::kStopNow: return "stop_now";
  }
  return "?";
}

const char* TextOf(KillCause cause) {
  switch (cause) {
    case KillCause::kNotReady: return "not ready within start_timeout";
    case KillCause::kNotFinished: return "not finished within drain_timeout";
    case KillCause::kStopNow: return "stopping at once";
  }
  return "?";
}

}  // namespace

Supervisor::Supervisor(EventLoop& loop, const Scoreboard& scoreboard, PoolDispatchers& dispatcher,
                       std::unique_ptr<Spawner> spawner, Ledger& ledger, Hooks hooks)
    : loop_(loop),
      scoreboard_(scoreboard),
      dispatcher_(dispatcher),
      ledger_(ledger),
      spawner_(std::move(spawner)),
      hooks_(std::move(hooks)),
      fleet_(kMaxSlots, std::random_device{}()),
      slots_(scoreboard, ledger),
      logs_(Parts()),
      starter_(Parts(), logs_,
               {[this](WorkerSlot& slot) {
                  // Fleet need not know of a connection that was handed back: it is dispatched or parked.
                  if (messages_.OnReadable(slot)) return ApplyActions();
                  dispatcher_.Flush();
                },
                [this](WorkerSlot& slot) {
                  exits_.OnExit(slot);
                  ApplyActions();
                }}),
      messages_(Parts(), logs_,
                [this] {
                  exits_.FinishEnded();
                  ApplyActions();
                }),
      extras_(Parts()),
      reports_(Parts()),
      exits_(Parts(), messages_, logs_, extras_, reports_),
      rounds_(Parts(), extras_, reports_, [this] { ApplyActions(); }),
      handover_(Parts(), logs_, starter_),
      counts_(Parts()),
      deadline_(loop, EventLoop::kPriorityControl, [this] {
        fleet_.Tick(Now());
        ApplyActions();
      }) {}

SupervisorParts Supervisor::Parts() {
  return {loop_, scoreboard_, dispatcher_, ledger_, *spawner_, hooks_, fleet_, slots_, generations_};
}

// ---- commands ----

void Supervisor::Begin(const GenerationSpec& generation) {
  generations_.Begin(generation);
  fleet_.Begin(generation.number, generation.Targets(), Now());
  rounds_.Make();
}

Status Supervisor::Restore(const GenerationSpec& generation, const UpgradeState& state) {
  return handover_.Restore(generation, state);
}

void Supervisor::GoOn() {
  handover_.EndWayBack();
  ReapChildren();  // children that exited during the exec
  rounds_.Make();
}

void Supervisor::PublishState(MasterState state) {
  for (const auto& board : ForeignBoards(slots_)) board->Publish(state);
}

void Supervisor::Reload(const GenerationSpec& generation) {
  generations_.Add(generation);
  fleet_.Reload(generation.number, generation.Targets(), Now());
  ApplyActions();
}

void Supervisor::Scale(PoolId pool, std::uint32_t workers) {
  fleet_.Scale(pool, workers, Now());
  ApplyActions();
}

Status Supervisor::Replace(Slot slot) {
  const std::vector<WorkerRecord>& records = fleet_.Records();
  const bool serves = Raw(slot) < records.size() && records[Raw(slot)].state == WorkerState::kReady &&
                      records[Raw(slot)].wanted;
  if (!serves) return Error{fmt::format("no worker serves in slot {}", Raw(slot))};
  const WorkerId id{slot, records[Raw(slot)].incarnation};
  if (records[Raw(slot)].leaving) return Error{fmt::format("worker {} is being replaced already", id)};
  if (fleet_.Stopping()) return Error{"the server is stopping"};
  if (!fleet_.Replace(id, Now()))
    return Error{fmt::format("worker {} cannot be replaced: no slot is free for its replacement", id)};
  log::Notice({log::kWorkerReplaced, id, {{"cause", "operator"}}},
              "worker is replaced: requested by the operator");
  Add(scoreboard_.Master().recycled[RecycleReason::kAsked]);
  ApplyActions();
  return {};
}

void Supervisor::Stop(Time deadline) {
  fleet_.Stop(deadline, Now());
  ApplyActions();
}

void Supervisor::StopAtOnce() {
  fleet_.StopAtOnce(Now());
  ApplyActions();
}

void Supervisor::OnAllSlow(PoolId pool) {
  // Without a change there is nothing to apply: another flush would only end here again.
  if (extras_.OnAllSlow(pool, Now())) ApplyActions();
}

void Supervisor::OnForgedNotes(Slot slot) {
  WorkerSlot& forger = slots_.Of(slot);
  if (forger.Running()) messages_.OnForgedNotes(*forger.Process());
}

void Supervisor::ReapChildren() {
  if (exits_.ReapChildren()) ApplyActions();
}

// ---- actions of Fleet ----

void Supervisor::ApplyActions() {
  if (applying_) return;
  applying_ = true;
  bool promoted = false;
  for (FleetActions actions = fleet_.TakeActions(); !actions.empty(); actions = fleet_.TakeActions()) {
    for (const FleetAction& action : actions) {
      std::visit([this](const auto& concrete) { Do(concrete); }, action);
      promoted = promoted || std::holds_alternative<Promote>(action);
    }
  }
  applying_ = false;
  if (promoted) hooks_.on_relieved();
  ClearUnusedChannels(Parts());
  if (const auto next = fleet_.NextDeadline()) {
    deadline_.SetAt(*next);
  } else {
    deadline_.Cancel();
  }
  dispatcher_.Flush();
  hooks_.on_settled();
}

void Supervisor::Do(const Spawn& action) {
  WorkerSlot& slot = slots_.Of(action.slot);
  const Result<Incarnation> incarnation =
      starter_.Start(slot, action.pool, generations_.Of(action.generation));
  if (!incarnation.Ok()) {
    log::Error(
        {log::kWorkerStartFailed, {{"in_slot", action.slot}, {"errno", ErrnoName(incarnation.Err().errnum)}}},
        "cannot start a worker in slot {}: {}", Raw(action.slot), incarnation.Err().text);
    if (fleet_.Records()[Raw(action.slot)].extra) extras_.StartFailed(action.pool, Now());
    fleet_.SpawnFailed(action.slot, Now());
    return;
  }
  fleet_.Spawned(action.slot, incarnation.Value(), Now());
  slots_.Publish(fleet_.Records()[Raw(action.slot)]);
  log::Info({log::kWorkerStarted,
             slot.Process()->Id(),
             {{"worker_pid", slot.Process()->Pid()}, {"pool", slot.Process()->PoolName()}}},
            "worker started");
}

void Supervisor::Do(const Retire& action) {
  WorkerSlot& slot = slots_.Of(action.id.slot);
  if (!slot.Runs(action.id)) return;  // it has exited since the decision
  const WorkerRecord& record = fleet_.Records()[Raw(action.id.slot)];
  slots_.Publish(record);
  logs_.OnGone(action.id);
  dispatcher_.RemoveSlot(action.id.slot);
  // During a stop, or if the new generation lacks a service of its pool, the worker itself serves what it was
  // sent. Otherwise other workers do.
  const bool missed = generations_.IsMissed(record.pool, record.generation);
  if (missed) slot.SetNoSuccessor();
  const bool keeps = fleet_.Stopping() || missed;
  const std::size_t reclaimed = keeps ? 0 : ReclaimUntaken(Parts(), slot);
  slot.Channel().CloseOurSide();
  log::Info({log::kWorkerRetiring, action.id, {{"reclaimed", reclaimed}}},
            "worker retires; {} connections that it had not taken go to other workers", reclaimed);
}

void Supervisor::Do(const Kill& action) {
  WorkerSlot& slot = slots_.Of(action.id.slot);
  if (!slot.Runs(action.id)) return;
  WorkerProcess& worker = *slot.Process();
  log::Warning(
      {log::kWorkerKilled, action.id, {{"worker_pid", worker.Pid()}, {"cause", NameOf(action.cause)}}},
      "sending SIGKILL to worker: {}", TextOf(action.cause));
  if (action.cause == KillCause::kNotFinished) worker.SetLossReason(LossReason::kDrain);
  if (action.cause == KillCause::kStopNow) worker.SetLossReason(LossReason::kStopped);
  worker.Signal(SIGKILL);
}

void Supervisor::Do(const Booted& action) { hooks_.on_first_ready(action.generation); }

void Supervisor::Do(const Promote& action) {
  // Listeners first: connections of removed listeners go to the old workers, which still have their service.
  hooks_.on_promote(action.generation);
  generations_.Promote(action.generation);
  for (const WorkerRecord& record : fleet_.Records()) {
    if (record.generation != action.generation || record.state != WorkerState::kReady) continue;
    dispatcher_.AddSlot(record.pool, record.slot, slots_.Of(record.slot).Channel());
  }
}

void Supervisor::Do(const Abandon& action) {
  generations_.Abandon(action.generation);
  hooks_.on_abandon(action.generation, action.reason);
}

void Supervisor::Do(const Finish& action) { hooks_.on_finish(action.code, action.reason); }

}  // namespace preforkd
