// What Change tells its shell to do, in the order in which it must be done.
#ifndef PREFORKD_MASTER_POLICY_CHANGE_CHANGE_ACTIONS_H_
#define PREFORKD_MASTER_POLICY_CHANGE_CHANGE_ACTIONS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"

namespace preforkd {

// One request of the control socket that awaits its answer.
enum class WaiterId : std::uint64_t {};

// What everybody else may know of the change that is under way.
enum class Phase { kStarting, kServing, kReloading, kStopping };

enum class ChangeAnswer {
  kReloadBegun,
  kReloadWaits,
  kUpgradeBegun,
  kUpgradeWaits,
  kStopping,         // refused, or over before its time: the server stops
  kUpgradeStopping,  // an upgrade, refused: the server stops
  kNotServing,       // an upgrade, refused: the server does not serve yet
};

enum class WaitReason { kReloadUnderWay, kUpgradeUnderWay, kWorkersFinish };

// Everybody who looks at the server's state sees this from now on.
struct Publish {
  Phase phase{};
};
struct Answer {
  std::vector<WaiterId> waiters;
  ChangeAnswer answer{};
};
// For the log: a change that was asked for has to wait.
struct ReportWaiting {
  bool upgrade = false;
  WaitReason why{};
};

// Read and check the configuration and prepare what it wants: OnGenerationPrepared() or OnReloadRefused().
struct BeginReload {};
// The generation that has been prepared: start its workers.
struct StartGeneration {};
// Said everywhere: it was refused.
struct RefuseReload {
  std::string why;
  std::vector<std::string> problems;  // of the configuration
  std::vector<WaiterId> waiters;
};
// The generation that was coming serves. `upgrade`: it is the first one of a new program.
struct EnterService {
  bool upgrade = false;
  std::vector<WaiterId> waiters;
};
// The generation that was coming is given up; the one before serves on.
struct StayInService {
  bool upgrade = false;
  std::string reason;
  std::vector<WaiterId> waiters;
};

// Run the new program as a child: OnPreflightAccepted() or OnUpgradeFailed().
struct StartPreflight {};
struct KillPreflight {};
// Become the new program, if the state can be saved now: no return, OnCannotReplaceYet() or
// OnUpgradeFailed().
struct Replace {};
// Said everywhere: it was refused.
struct RefuseUpgrade {
  std::string why;
  std::vector<WaiterId> waiters;
};
// Said everywhere: this program is back, because its successor could not take over.
struct ReportReturn {
  std::vector<WaiterId> waiters;
};

// Say that the server stops. `delay`: for so long new connections are still taken.
struct AnnounceStop {
  Time stop_by{};
  Duration delay{};
};
// Accept nothing any more, and send what waits to the workers: OnDrained() when that is done.
struct CloseListeners {
  Time stop_by{};
};
// Tell the workers to finish.
struct StopWorkers {
  Time stop_by{};
};
// Close everything and kill the workers.
struct StopAtOnce {};

using ChangeAction =
    std::variant<Publish, Answer, ReportWaiting, BeginReload, StartGeneration, RefuseReload, EnterService,
                 StayInService, StartPreflight, KillPreflight, Replace, RefuseUpgrade, ReportReturn,
                 AnnounceStop, CloseListeners, StopWorkers, StopAtOnce>;

}  // namespace preforkd

#endif
