// Supervisor: the shell around Fleet. Turns what happens to processes into events, and Fleet's answers into
// forks, signals and channel operations. Owns the slots.
//
// What a worker says is checked and never trusted: nonsense kills that worker, never the master.
#ifndef PREFORKD_MASTER_WORKERS_SUPERVISOR_H_
#define PREFORKD_MASTER_WORKERS_SUPERVISOR_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/process/heap_trim.h"
#include "common/process/log_fds.h"
#include "common/process/oom.h"
#include "common/process/worker_start.h"
#include "common/scoreboard/scoreboard.h"
#include "common/structures/rate_limit.h"
#include "master/dispatch/pool_dispatchers.h"
#include "master/policy/elastic.h"
#include "master/policy/fleet/fleet.h"
#include "master/policy/hang.h"
#include "master/policy/oom_ledger.h"
#include "master/policy/recycle.h"
#include "master/upgrade/state/upgrade_state.h"
#include "master/workers/generation.h"
#include "master/workers/log_reopening.h"
#include "master/workers/post_mortem.h"
#include "master/workers/refused_calls.h"
#include "master/workers/self_report.h"
#include "master/workers/worker_slot.h"

namespace preforkd {

class Supervisor {
 public:
  // What the rest of the master must know. Called from the loop.
  struct Hooks {
    std::function<void(Generation)> on_first_ready;  // once: somebody can serve
    std::function<void(Generation)> on_promote;
    std::function<void(Generation, const std::string& reason)> on_abandon;
    std::function<void(HandedBack)> on_hand_back;
    std::function<bool()> make_room;  // for one more descriptor; false when there is none
    std::function<void(ExitCode, const std::string& reason)> on_finish;
    // Something about workers has changed: a reload that had to wait may be possible now (MayReload).
    std::function<void()> on_settled;
    // A child has ended that is no worker: true when somebody else has waited for it.
    std::function<bool(pid_t)> on_other_child;
  };

  Supervisor(EventLoop& loop, const Scoreboard& scoreboard, PoolDispatchers& dispatcher, WorkerEntry worker,
             Ledger& ledger, Hooks hooks);

  void Begin(const GenerationSpec& generation);
  // ---- upgrade in place (supervisor_upgrade.cc) ----

  // Instead of Begin: goes on with the workers that `state` names, which serve as `generation` until a Reload replaces
  // them. `generation.config` is what holds for them from now on. Error: one could not be watched, or its board not read.
  Status Inherit(const GenerationSpec& generation, const UpgradeState& state);
  // After that, when there is no way back any more: from now on it acts.
  void GoOn();
  // Nobody is between life and death, no connection is in the channel of a slot without a worker, and no worker owes an
  // answer: what there is can be described. Makes it so where that is possible at once.
  bool Compose();
  // Describes it. Precondition: Compose().
  void Bequeath(UpgradeState& state);
  // Workers of the program before this one are told in what state the server is: they look at another board.
  void PublishState(MasterState state);

  // Precondition: MayReload().
  void Reload(const GenerationSpec& generation);
  // Precondition: workers >= 1, and Desired(pool) >= 1.
  void Scale(PoolId pool, std::uint32_t workers);
  // Replaces the worker in `slot`: another one is ready before it retires. Error: there is none that serves.
  Status Replace(Slot slot);
  // Gracefully: workers have until `deadline` to finish, and a moment more.
  void Stop(Time deadline);
  void StopAtOnce();
  // Parcels wait for the pool and each of its ready workers is held up: starts one more, if they are blocked and it is
  // allowed.
  void OnAllHeldUp(PoolId pool);
  // Gives every worker `logs` (borrowed) as its logs from now on. `done` is called, at the latest after
  // LogReopening::kPatience, when all of them have them, or with an error that names the slots that have not.
  void ReopenLogs(const LogFds& logs, LogReopening::Done done);
  [[nodiscard]] bool IsWorker(pid_t pid) const;
  // What new workers log to; borrowed.
  void SetLogs(const LogFds& logs) { logs_ = logs; }
  // There is no terminal for workers to write to.
  void SetDetached(bool detached) { detached_ = detached; }
  // Some child has ended (SIGCHLD). A worker's end is seen without that, but as the first process of a container we
  // get children that are not ours.
  void ReapChildren();

  [[nodiscard]] bool Changing() const { return fleet_.Changing(); }
  [[nodiscard]] bool MayReload() const { return fleet_.MayReload(); }
  [[nodiscard]] bool Stopping() const { return fleet_.Stopping(); }
  // Of a pool of the generation in service: workers without extras, and the most with them.
  [[nodiscard]] std::uint32_t Desired(PoolId pool) const { return fleet_.Desired(pool); }
  [[nodiscard]] std::uint32_t MostWorkers(PoolId pool) const;
  // Workers of the pool in that state: of the generation in service, or of any.
  [[nodiscard]] std::uint32_t CountInService(PoolId pool, WorkerState state) const;
  [[nodiscard]] std::uint32_t Count(PoolId pool, WorkerState state) const;
  // Workers in service whose loop has turned within hang_timeout.
  [[nodiscard]] std::uint32_t Beating(Time now) const;

 private:
  // Executes what Fleet has decided, arms the timer, and lets parcels flow to whoever is ready now. Called
  // after every event; an event that comes from inside is picked up by the running call.
  void Settle();
  // Channels of slots that nobody wants any more and that have no process are closed.
  void DropUnusedChannels();
  void Execute(const FleetAction& action);
  void Do(const Spawn& action);
  void Do(const Retire& action);
  void Do(const Kill& action);
  void Do(const Booted& action);
  void Do(const Promote& action);
  void Do(const Abandon& action);
  void Do(const Finish& action);

  LogReopening::Telling TellOfLogs(WorkerId worker, std::uint64_t round);
  Result<Incarnation> Fork(WorkerSlot& slot, PoolId pool, const GenerationSpec& generation);
  void OnExit(WorkerSlot& slot);
  // What is to be done about those who have died and are not buried yet.
  void BuryTheSilent();
  // Everything that ends with a worker.
  void Bury(WorkerSlot& slot, pid_t pid, const ExitReport& report);
  void OnMessages(WorkerSlot& slot);
  // A message may bring a descriptor, and without room for it the kernel would close it. False: nobody is listened
  // to for a moment, and what they say waits in their channels.
  bool MakeSureOfRoom(const WorkerSlot& slot);
  void PauseListening();
  // All that are heard at all are listened to again.
  void ListenToAll();
  // What became of one attempt to hear a worker.
  enum class Hearing { kMessage, kSilent, kNoRoom };
  Hearing ReceiveOne(WorkerSlot& slot);
  // All that it has said.
  Hearing HearOut(WorkerSlot& slot);
  bool Handle(WorkerSlot& slot, WorkerToMaster message);
  bool OnHandBack(WorkerSlot& slot, HandedBack message);
  void OnReady(WorkerSlot& slot);
  void Distrust(WorkerSlot& slot, const std::string& why);
  // Takes back what the slot's worker has not taken; the number of connections.
  std::size_t Reclaim(WorkerSlot& slot);
  void RescueLines(WorkerSlot& slot);
  // The middle of that: others get what it had not taken, the rest is booked, and it is spoken of.
  void WriteObituary(WorkerSlot& slot, pid_t pid, const ExitReport& report, WorkerState was);
  [[nodiscard]] RestartReason ReasonOfDeath(const WorkerSlot& slot, const ExitReport& report, WorkerState was) const;
  // Books what the dead worker had; the number of connections that were lost with it.
  std::uint64_t CloseLedger(WorkerSlot& slot, LossReason reason);
  // Once in a while: who does not answer any more, who has served for long enough, and are extras still needed?
  void MakeRounds();
  void JudgeHangs(Time now);
  void NoteOomKills(Time now);
  // It died of a SIGKILL that the OOM killer has sent, as far as can be known.
  [[nodiscard]] bool TakenForMemory(const WorkerSlot& slot, const ExitReport& report);
  // Replaces one worker that is over a limit, unless another is being replaced.
  void RecycleOne(Time now);
  [[nodiscard]] ElasticReading ReadPressure() const;
  // Each worker in service sleeps inside its callback: it waits for something, and the machine has time.
  [[nodiscard]] bool AllAsleep() const;
  WorkerSlot& SlotOf(Slot slot);
  void PublishState(WorkerSlot& slot);
  Status InheritWorker(const InheritedWorker& heir);
  [[nodiscard]] std::vector<std::shared_ptr<ForeignBoard>> ForeignBoards() const;
  std::uint64_t BequeathBoard(const WorkerSlot& slot, UpgradeState& state) const;

  EventLoop& loop_;
  const Scoreboard& scoreboard_;
  PoolDispatchers& dispatcher_;
  WorkerEntry worker_;
  Ledger& ledger_;
  Hooks hooks_;
  Fleet fleet_;
  std::vector<std::unique_ptr<WorkerSlot>> slots_;  // index = slot
  std::map<Generation, GenerationSpec> generations_;  // in service, and starting up
  Incarnation last_incarnation_{};
  Generation in_service_{};
  bool service_gone_ = false;  // the generation in service lacks a service of the one before
  bool detached_ = false;
  LogFds logs_;
  LogReopening reopening_;
  Timer deadline_;
  Timer rounds_;
  Timer listen_again_;
  OncePerSecond log_limit_;
  Elastic elastic_;
  std::vector<std::shared_ptr<ForeignBoard>> boards_before_;  // of the programs before this one, until there is no way back
  HangWatch hang_watch_;
  OomCounter oom_counter_;
  OomLedger oom_ledger_;
  Recycle recycle_;
  PoisonWatch poison_watch_;
  SelfReport self_report_;
  HeapTrim heap_;
  RefusedCallReport refused_calls_;
  struct Unburied {
    pid_t pid = 0;
    ExitReport report;
  };
  std::map<Slot, Unburied> unburied_;  // waited for, and not heard out for lack of a descriptor
  std::map<Slot, Time> died_at_;  // slots whose replacement is not ready yet
  bool settling_ = false;
};

}  // namespace preforkd

#endif
