// FleetModel: the processes that a Fleet supervises, as numbers. Executes Fleet's decisions, and throws
// std::logic_error for every decision that would be wrong in a world of real processes.
//
// Owns the Fleet and the clock. A test moves time and makes processes become ready, ask and exit.
#ifndef PREFORKD_TESTS_UNIT_POLICY_FLEET_MODEL_H_
#define PREFORKD_TESTS_UNIT_POLICY_FLEET_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "master/policy/fleet/fleet.h"

namespace preforkd::testing {

class FleetModel {
 public:
  struct Process {
    WorkerId id;
    PoolId pool{};
    Generation generation{};
    bool ready = false;
    bool retired = false;
    bool killed = false;  // will exit; its messages are ignored from now on
  };

  explicit FleetModel(std::uint32_t seed, std::uint32_t max_slots = 64);

  // ---- commands; each executes Fleet's actions ----
  // How many workers each pool has. A number alone means that many in kMainPool.
  using Pools = std::map<PoolId, std::uint32_t>;
  void Begin(const Pools& pools);
  void Begin(std::uint32_t workers) { Begin(Pools{{kMainPool, workers}}); }
  void Reload(const Pools& pools);
  void Reload(std::uint32_t workers) { Reload(Pools{{kMainPool, workers}}); }
  // Another Fleet restores the processes, and starts its own generation. Precondition: as for Reload.
  // Without `pools` it goes on with the generation that there is.
  void Upgrade(const std::optional<Pools>& pools);
  void Upgrade(std::uint32_t workers) { Upgrade(Pools{{kMainPool, workers}}); }
  void Scale(std::uint32_t workers, PoolId pool = kMainPool);
  void AddExtra(PoolId pool = kMainPool);
  void ReleaseExtra(PoolId pool = kMainPool);
  // `within`: the time that is left for a graceful one.
  void Stop(bool at_once, Duration within = std::chrono::hours(1));
  void Advance(Duration span);
  // To the next deadline, if there is one.
  void AdvanceToDeadline();
  void MakeReady(const WorkerId& id);
  void AskReplacement(const WorkerId& id);
  void Exit(WorkerId id,
            bool served);  // by value: the caller's reference may be to the record that is removed here
  // From now on this many forks fail.
  void FailForks(int count) { failing_forks_ = count; }

  // ---- the world ----
  [[nodiscard]] const std::map<std::uint32_t, Process>& Processes() const { return processes_; }  // by slot
  [[nodiscard]] std::vector<Process> Of(Generation generation) const;
  // Ready, not retired, of the generation in service.
  [[nodiscard]] std::uint32_t ReadyInService(PoolId pool = kMainPool) const;
  // Those that the configuration in service has.
  [[nodiscard]] const Pools& PoolsServing() const { return serving_pools_; }
  // When each Spawn came that was answered with a process, by pool.
  [[nodiscard]] const std::map<PoolId, std::vector<Time>>& Starts() const { return starts_; }
  [[nodiscard]] Generation Serving() const { return serving_; }
  [[nodiscard]] std::optional<ExitCode> Finished() const { return finished_; }
  // The reason of the last Abandon or Finish.
  [[nodiscard]] const std::string& Reason() const { return reason_; }
  // One letter an action since the last call: "spawn 0 g1", "retire 0.1", "promote g2"...
  std::string TakeStory();
  [[nodiscard]] Fleet& Under() { return fleet_; }
  [[nodiscard]] Time Clock() const { return now_; }

  FleetSettings settings;

 private:
  void ApplyActions();
  void Do(const Spawn& action);
  void Do(const Retire& action);
  void Do(const Kill& action);
  void Do(const Booted& action);
  void Do(const Promote& action);
  void Do(const Abandon& action);
  void Do(const Finish& action);
  [[nodiscard]] std::vector<PoolTarget> Targets(const Pools& pools) const;
  Process& Live(const WorkerId& id, const char* what);
  void Tell(const std::string& line);

  Time now_{};
  std::uint32_t seed_;
  std::uint32_t max_slots_;
  Fleet fleet_;
  std::map<std::uint32_t, Process> processes_;
  std::uint64_t last_incarnation_ = 0;
  std::uint64_t last_generation_ = 0;
  Generation serving_{};
  std::optional<Generation> coming_;
  Pools serving_pools_;
  Pools coming_pools_;
  std::map<PoolId, std::vector<Time>> starts_;
  bool booted_ = false;
  std::string reason_;
  std::optional<ExitCode> finished_;
  int failing_forks_ = 0;
  std::string story_;
};

}  // namespace preforkd::testing

#endif
