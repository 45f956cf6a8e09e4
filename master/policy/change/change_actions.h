// The actions that Change tells its shell to do, in the order in which they must be done.
#ifndef PREFORKD_MASTER_POLICY_CHANGE_CHANGE_ACTIONS_H_
#define PREFORKD_MASTER_POLICY_CHANGE_CHANGE_ACTIONS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace preforkd {

// One request of the control socket that waits for its answer.
enum class WaiterId : std::uint64_t {};

// The phase of the server that status, metrics and the service manager see.
enum class Phase { kStarting, kServing, kReloading, kStopping };

enum class ChangeAnswer {
  kReloadBegun,
  kReloadWaits,
  kUpgradeBegun,
  kUpgradeWaits,
  kStopping,         // refused, or ended early, because the server stops
  kUpgradeStopping,  // an upgrade is refused because the server stops
  kNotServing,       // an upgrade is refused because the server is still starting
};

enum class WaitReason { kReloadUnderWay, kUpgradeUnderWay, kWorkersFinish };

// Publish the new phase.
struct Publish {
  Phase phase{};
};
// Answer `waiters`.
struct Answer {
  std::vector<WaiterId> waiters;
  ChangeAnswer answer{};
};
// Log that the requested change has to wait.
struct ReportWaiting {
  bool upgrade = false;
  WaitReason why{};
};

// Read and check the configuration and prepare what it needs. Reports OnGenerationPrepared() or
// OnReloadRefused(), inside the call or later: processes that are thrown away open the modules it names.
struct BeginReload {};
// End what BeginReload has begun, without a report.
struct DropReload {};
// Start the workers of the prepared generation.
struct StartGeneration {};
// Log, count and answer: the reload was refused.
struct RefuseReload {
  std::string why;
  std::vector<std::string> problems;  // in the configuration
  std::vector<WaiterId> waiters;
};
// The new generation serves. `upgrade`: it is the first one of a new program.
struct EnterService {
  bool upgrade = false;
  std::vector<WaiterId> waiters;
};
// The new generation was abandoned; the previous one keeps serving.
struct StayInService {
  bool upgrade = false;
  Generation abandoned{};
  std::string reason;
  std::vector<WaiterId> waiters;
};

// Run the new program as a child in check mode. Reports OnPreflightAccepted() or OnUpgradeFailed().
struct StartPreflight {};
struct KillPreflight {};
// Exec the new program if the state can be saved now. Does not return, or reports OnCannotReplaceYet() or
// OnUpgradeFailed().
struct Replace {};
// Log, count and answer: the upgrade was refused.
struct RefuseUpgrade {
  std::string why;
  std::vector<WaiterId> waiters;
};
// Log, count and answer: this program is running again because the new one failed to take over.
struct ReportReturn {
  std::vector<WaiterId> waiters;
};

// Announce the stop. New connections are still accepted for `delay`.
struct AnnounceStop {
  Time stop_by{};
  Duration delay{};
};
// Stop accepting, and send the connections that wait to the workers. Reports OnDrained() when none waits.
struct CloseListeners {
  Time stop_by{};
};
// Tell the workers to finish by `stop_by`.
struct StopWorkers {
  Time stop_by{};
};
// Close everything and kill the workers.
struct StopAtOnce {};

using ChangeAction =
    std::variant<Publish, Answer, ReportWaiting, BeginReload, DropReload, StartGeneration, RefuseReload,
                 EnterService, StayInService, StartPreflight, KillPreflight, Replace, RefuseUpgrade,
                 ReportReturn, AnnounceStop, CloseListeners, StopWorkers, StopAtOnce>;

}  // namespace preforkd

#endif
