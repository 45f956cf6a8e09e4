// Fleet: decides which workers should exist. Pure: it is told events and times, and answers with actions; it
// forks, signals and logs nothing itself, and knows no clock.
//
// The rules, all of them here:
//   - As many workers of the current generation as desired. One that dies is started again: at once if it was
//     of use, after a back-off if it was not; all restarts share a budget.
//   - A generation that is coming in serves only when all its first workers are ready at the same time; one that
//     dies before it was ready ends the attempt, and the generation in service goes on.
//   - The next one waits until no process of an earlier generation is left (MayReload): never three at once.
//   - A worker that asks to be replaced is retired when its replacement is ready, not before.
//   - Starting and retiring have a deadline, and then comes SIGKILL.
//   - The very first generation gives up when none of its workers can start.
#ifndef PREFORKD_MASTER_POLICY_FLEET_H_
#define PREFORKD_MASTER_POLICY_FLEET_H_

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/ids.h"
#include "master/policy/backoff.h"
#include "master/policy/worker_state.h"

namespace preforkd {

struct FleetSettings {
  Duration start_timeout = std::chrono::seconds(10);
  Duration drain_timeout = std::chrono::seconds(30);
  Duration backoff_min = std::chrono::milliseconds(100);
  Duration backoff_max = std::chrono::seconds(30);
};

// What the shell must do, in this order.
struct Spawn {  // answer with Spawned() or SpawnFailed()
  Slot slot{};
  Generation generation{};
};
struct Retire {
  WorkerId id;
};
enum class KillCause { kNotReady, kNotFinished, kStopNow };
struct Kill {  // SIGKILL
  WorkerId id;
  KillCause cause{};
};
struct Promote {  // this generation serves from now on
  Generation generation{};
};
struct Abandon {  // this generation will not serve
  Generation generation{};
  std::string reason;
};
struct Finish {  // nothing is left to supervise
  ExitCode code = ExitCode::kStopped;
};
using FleetAction = std::variant<Spawn, Retire, Kill, Promote, Abandon, Finish>;

// A worker that was forked by the program before this one (upgrade in place).
struct InheritedRecord {
  Slot slot{};
  Incarnation incarnation{};
  WorkerState state{};  // not kGone
  bool wanted = false;
  bool leaving = false;
  bool extra = false;
  std::optional<WorkerId> replaces;
  Time ready_at{};
  std::optional<Time> kill_at;
};

class Fleet {
 public:
  struct Record {
    Slot slot{};
    WorkerState state = WorkerState::kGone;
    Generation generation{};
    Incarnation incarnation{};       // of the process, or of the last one
    bool wanted = false;             // there should be a worker here
    bool leaving = false;            // its replacement is on the way
    bool extra = false;              // beyond the desired number, while all others are blocked
    std::optional<WorkerId> replaces;  // retire that one when this one is ready
    std::uint32_t failures = 0;      // deaths in a row without useful life
    Time ready_at{};                 // since when, if ready
    std::optional<Time> start_at;    // gone and wanted: when to fork
    std::optional<Time> kill_at;     // starting, retiring: when patience ends
    bool spawn_asked = false;        // a Spawn action is on its way to the shell
  };

  // `seed` for the jitter. `max_slots` bounds the table.
  Fleet(std::uint32_t max_slots, std::uint32_t seed, Time now);

  // ---- events ----
  // The first generation.
  void Begin(Generation generation, std::uint32_t workers, const FleetSettings& settings, Time now);
  // Instead of Begin: `generation` serves already, with these workers. Those that are missing are not started: what
  // follows is a Reload, which replaces everybody, or a Scale.
  void Inherit(Generation generation, std::uint32_t workers, const FleetSettings& settings,
               const std::vector<InheritedRecord>& inherited);
  // Precondition: MayReload().
  void Reload(Generation generation, std::uint32_t workers, const FleetSettings& settings, Time now);
  void Spawned(Slot slot, Incarnation incarnation, Time now);
  void SpawnFailed(Slot slot, Time now);
  void Ready(const WorkerId& id, Time now);
  // `served`: it has finished at least one connection.
  void Exited(const WorkerId& id, bool served, Time now);
  // Start another one, then retire this one.
  void Replace(const WorkerId& id, Time now);
  // Precondition: workers >= 1.
  void Scale(std::uint32_t workers, Time now);
  // One worker more than desired, of the generation in service; it is not started again when it dies.
  void AddExtra(Time now);
  // Retires the extra with the highest slot, if there is one.
  void ReleaseExtra(Time now);
  // Graceful: everybody retires, and is killed drain_timeout later, or at `deadline` if that is sooner.
  void Stop(Time deadline, Time now);
  // Everybody is killed.
  void StopAtOnce(Time now);
  // Whatever is due. Call it at NextDeadline().
  void Tick(Time now);

  // ---- answers ----
  // The actions since the last call.
  std::vector<FleetAction> TakeActions();
  [[nodiscard]] std::optional<Time> NextDeadline() const;

  // ---- queries ----
  [[nodiscard]] const std::vector<Record>& Records() const { return records_; }
  [[nodiscard]] const Record* Find(const WorkerId& id) const;
  // A generation is starting up beside the one in service.
  [[nodiscard]] bool Changing() const { return next_.has_value(); }
  // A process of another generation than the one in service still finishes what it had, for drain_timeout at
  // most.
  [[nodiscard]] bool Draining() const;
  [[nodiscard]] bool MayReload() const { return !Changing() && !Stopping() && !Draining(); }
  [[nodiscard]] bool Stopping() const { return stopping_; }
  [[nodiscard]] bool Booting() const { return booting_; }
  [[nodiscard]] std::uint32_t Desired() const { return current_.workers; }
  [[nodiscard]] std::uint32_t Extras() const;
  [[nodiscard]] Generation Current() const { return current_.generation; }

 private:
  struct Target {
    Generation generation{};
    std::uint32_t workers = 0;
    FleetSettings settings;
  };

  Record* Lookup(const WorkerId& id);
  const FleetSettings& SettingsOf(const Record& record) const;
  bool IsTarget(const Record& record, Generation generation) const;
  std::uint32_t CountTargets(Generation generation) const;
  // Enter an event into the state machine; false when it does not move.
  bool Move(Record& record, WorkerEvent event);
  Record* AddWorker(Generation generation, Time now);
  // As many as the target wants. False when there is no free slot for one.
  bool AddWorkers(const Target& target, Time now);
  void Replenish(Time now);
  void Release(Record& record, Time now);
  void ReleaseReplaced(Record& record, Time now);
  void BequeathReplaced(Record& record);
  void ScheduleRestart(Record& record, Time now);
  void AskSpawn(Record& record);
  void AbandonNext(std::string reason, Time now);
  void PromoteIfReady(Time now);
  void OnUnexpectedExit(Record& record, WorkerState was, bool served, Time now);
  void GiveUpIfHopeless(Time now);
  void FinishIfEmpty();

  std::vector<Record> records_;  // index = slot
  std::uint32_t max_slots_;
  std::minstd_rand random_;
  RestartBudget budget_;
  Target current_;
  std::optional<Target> next_;
  bool booting_ = false;  // no worker has been ready yet, ever
  Time began_{};
  bool stopping_ = false;
  bool finished_ = false;
  ExitCode exit_code_ = ExitCode::kStopped;
  std::vector<FleetAction> actions_;
};

}  // namespace preforkd

#endif
