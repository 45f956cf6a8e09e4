// IsReady: what a load balancer wants to know.
#ifndef PREFORKD_COMMON_REPORT_READINESS_H_
#define PREFORKD_COMMON_REPORT_READINESS_H_

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// A worker is ready and the master is not stopping. Any process.
bool IsReady(const Scoreboard& scoreboard);

}  // namespace preforkd

#endif
