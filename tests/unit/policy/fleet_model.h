// FleetModel: the processes that a Fleet supervises, made of numbers. Executes what Fleet decides, and throws
// std::logic_error for every decision that would be wrong in a world of real processes.
//
// Owns the Fleet and the clock. A test moves time and makes processes become ready, ask and die.
#ifndef PREFORKD_TESTS_UNIT_POLICY_FLEET_MODEL_H_
#define PREFORKD_TESTS_UNIT_POLICY_FLEET_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "master/policy/fleet.h"

namespace preforkd {

class FleetModel {
 public:
  struct Process {
    WorkerId id;
    Generation generation{};
    bool ready = false;
    bool retired = false;
    bool killed = false;  // will die; everything it still says is late
  };

  explicit FleetModel(std::uint32_t seed, std::uint32_t max_slots = 64);

  // ---- commands, each followed by what Fleet answers ----
  void Begin(std::uint32_t workers);
  void Reload(std::uint32_t workers);
  // Another Fleet inherits the processes, and starts a generation of its own. Precondition: as for Reload. Without
  // `workers` it goes on with the generation that there is.
  void Upgrade(std::optional<std::uint32_t> workers);
  void Scale(std::uint32_t workers);
  void AddExtra();
  void ReleaseExtra();
  // `within`: the time that is left for a graceful one.
  void Stop(bool at_once, Duration within = std::chrono::hours(1));
  void Advance(Duration span);
  // To the next deadline, if there is one.
  void AdvanceToDeadline();
  void MakeReady(const WorkerId& id);
  void AskReplacement(const WorkerId& id);
  void Die(WorkerId id, bool served);  // by value: the caller may name it by the record that ends here
  // From now on this many forks fail.
  void FailForks(int count) { failing_forks_ = count; }

  // ---- the world ----
  [[nodiscard]] const std::map<std::uint32_t, Process>& Processes() const { return processes_; }  // by slot
  [[nodiscard]] std::vector<Process> Of(Generation generation) const;
  [[nodiscard]] std::uint32_t ReadyInService() const;  // ready, not retired, of the generation in service
  [[nodiscard]] Generation Serving() const { return serving_; }
  [[nodiscard]] std::optional<ExitCode> Finished() const { return finished_; }
  // One letter an action since the last call: "spawn 0 g1", "retire 0.1", "promote g2"...
  std::string TakeStory();
  [[nodiscard]] Fleet& Under() { return fleet_; }
  [[nodiscard]] Time Clock() const { return now_; }

  FleetSettings settings;

 private:
  void Settle();
  void Do(const Spawn& action);
  void Do(const Retire& action);
  void Do(const Kill& action);
  void Do(const Promote& action);
  void Do(const Abandon& action);
  void Do(const Finish& action);
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
  std::uint32_t coming_workers_ = 0;
  std::optional<ExitCode> finished_;
  int failing_forks_ = 0;
  std::string story_;
};

}  // namespace preforkd

#endif
