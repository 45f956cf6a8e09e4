// StatusReport: what the scoreboard holds, as the JSON that `/status.json`, the welcome page and preforkctl
// show. Reads shared memory that other processes write meanwhile: every number is right for some recent
// moment, and not all of them for the same one.
#ifndef PREFORKD_WORKER_SERVICES_STATUS_REPORT_H_
#define PREFORKD_WORKER_SERVICES_STATUS_REPORT_H_

#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// One JSON object with the fields that users rely on, and "answered_by": {"slot", "pid"} for
// the worker in `self`.
std::string StatusReport(const Scoreboard& scoreboard, Slot self, Time now);

// A worker is ready and the master is not stopping: what a load balancer wants to know.
bool IsReady(const Scoreboard& scoreboard);

}  // namespace preforkd

#endif
