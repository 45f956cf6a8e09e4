// WhyNotReady: the readiness check of load balancers.
#ifndef PREFORKD_COMMON_REPORT_READINESS_H_
#define PREFORKD_COMMON_REPORT_READINESS_H_

#include <string>

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// Empty if the server is ready: it is not stopping, at least one worker is ready, and each pool has a ready
// worker or is replacing one that has just ended. Otherwise the reason, one line without line end, with the
// names of the pools that cannot serve. Any process.
std::string WhyNotReady(const Scoreboard& scoreboard);

}  // namespace preforkd

#endif
