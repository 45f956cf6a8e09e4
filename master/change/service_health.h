// Whether the server and its pools can serve, as its status and metrics say it. The only writer of the pools'
// rows, but for the number of connections that wait (dispatcher.h).
#ifndef PREFORKD_MASTER_CHANGE_SERVICE_HEALTH_H_
#define PREFORKD_MASTER_CHANGE_SERVICE_HEALTH_H_

#include "master/change/master_parts.h"

namespace preforkd {

// Each pool has a worker that is ready, or is being started: of any generation, since at a promotion the old
// one is still in service.
[[nodiscard]] bool CanServe(const MasterParts& parts);

// Publishes the pools of the generation in service, and whether the server is serving or degraded, by the
// workers that there are. While the server starts, changes or stops, its own state stays: whoever does that
// publishes it. Call it whenever the workers have changed.
void JudgeService(const MasterParts& parts);

}  // namespace preforkd

#endif
