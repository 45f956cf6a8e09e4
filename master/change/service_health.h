// Whether the server can serve, as its status and metrics say it.
#ifndef PREFORKD_MASTER_CHANGE_SERVICE_HEALTH_H_
#define PREFORKD_MASTER_CHANGE_SERVICE_HEALTH_H_

#include "master/change/master_parts.h"

namespace preforkd {

// A worker is ready, or is being started: of any generation, since at a promotion the old one is still in service.
[[nodiscard]] bool CanServe(const Supervisor& supervisor);

// Publishes serving or degraded, by the workers that there are. No effect in any other state: a change or a stop
// publishes its own. Call it whenever the workers have changed.
void JudgeService(const MasterParts& parts);

}  // namespace preforkd

#endif
