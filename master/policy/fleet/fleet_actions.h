// What Fleet tells its shell to do, in the order in which it must be done.
#ifndef PREFORKD_MASTER_POLICY_FLEET_FLEET_ACTIONS_H_
#define PREFORKD_MASTER_POLICY_FLEET_FLEET_ACTIONS_H_

#include <string>
#include <variant>
#include <vector>

#include "common/base/exit_code.h"
#include "common/base/ids.h"

namespace preforkd {

// Answer with Spawned() or SpawnFailed(). A free slot may have belonged to another pool: its channel and what
// is left in it are the shell's to clear before the new worker gets it.
struct Spawn {
  Slot slot{};
  PoolId pool{};
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
struct Booted {  // once: each pool of the first generation has had a ready worker, so the server can serve
  Generation generation{};
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
  std::string reason;  // why it gave up, if it did
};
using FleetAction = std::variant<Spawn, Retire, Kill, Booted, Promote, Abandon, Finish>;
using FleetActions = std::vector<FleetAction>;

}  // namespace preforkd

#endif
