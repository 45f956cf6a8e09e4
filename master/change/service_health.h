// Publishes whether the server and its pools can serve, for status and metrics. The only writer of the pools'
// rows, except for their number of waiting connections (dispatcher.h).
#ifndef PREFORKD_MASTER_CHANGE_SERVICE_HEALTH_H_
#define PREFORKD_MASTER_CHANGE_SERVICE_HEALTH_H_

#include "master/change/master_parts.h"

namespace preforkd {

// True if each pool has a worker that is ready or starting, of any generation: at a promotion the old one is
// still in service.
[[nodiscard]] bool CanServe(const MasterParts& parts);

// Publishes the pools of the generation in service, and from their workers whether the server is serving or
// degraded. Leaves the server's state alone while it starts, reloads or stops: that state is published
// elsewhere. Call it after each change of the workers.
void JudgeService(const MasterParts& parts);

}  // namespace preforkd

#endif
