// WhyNotReady: what a load balancer wants to know.
#ifndef PREFORKD_COMMON_REPORT_READINESS_H_
#define PREFORKD_COMMON_REPORT_READINESS_H_

#include <string>

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// Ready: the server is not stopping, a worker is ready, and each pool has one that is, or is about to have
// one again in place of one that has just died. Empty then; else why not, in one line without its end, with
// the names of the pools that cannot serve. Any process.
std::string WhyNotReady(const Scoreboard& scoreboard);

}  // namespace preforkd

#endif
