// The actions that Fleet tells its shell to do, in the order in which they must be done.
#ifndef PREFORKD_MASTER_POLICY_FLEET_FLEET_ACTIONS_H_
#define PREFORKD_MASTER_POLICY_FLEET_FLEET_ACTIONS_H_

#include <string>
#include <variant>
#include <vector>

#include "common/base/exit_code.h"
#include "common/base/ids.h"

namespace preforkd {

// Fork a worker and report Spawned() or SpawnFailed(). The slot may have belonged to another pool: the shell
// must clear its channel before the new worker gets it.
struct Spawn {
  Slot slot{};
  PoolId pool{};
  Generation generation{};
};
// Tell the worker to retire.
struct Retire {
  WorkerId id;
};
enum class KillCause { kNotReady, kNotFinished, kStopNow };
struct Kill {  // send SIGKILL
  WorkerId id;
  KillCause cause{};
};
struct Booted {  // sent once: each pool of the first generation has had a ready worker
  Generation generation{};
};
struct Promote {  // this generation enters service
  Generation generation{};
};
struct Abandon {  // this generation never enters service
  Generation generation{};
  std::string reason;
};
struct Finish {  // no worker is left
  ExitCode code = ExitCode::kStopped;
  std::string reason;  // why the fleet gave up; empty after a requested stop
};
using FleetAction = std::variant<Spawn, Retire, Kill, Booted, Promote, Abandon, Finish>;
using FleetActions = std::vector<FleetAction>;

}  // namespace preforkd

#endif
