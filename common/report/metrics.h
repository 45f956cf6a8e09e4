// RenderMetrics: what the scoreboard holds, as Prometheus reads it. Either process may call it: a worker for
// `/metrics` of the status service, the master for preforkctl's `metrics`. It changes nothing and asks the
// system nothing, so that both say the same; a worker that asks costs the master nothing.
//
// Counters never go back, whatever dies, is reloaded or scaled: what a dead worker has counted is in the
// totals of its slot, and slots that have had a worker stay, like listeners that have been closed. Gauges are
// of the workers and listeners that there are now. A slot that goes to another pool begins anew there. The
// names are a contract.
#ifndef PREFORKD_COMMON_REPORT_METRICS_H_
#define PREFORKD_COMMON_REPORT_METRICS_H_

#include <string>

#include "common/base/clock.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// What to send with it as Content-Type.
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// Text in the exposition format, each metric with HELP and TYPE, some KiB. Numbers are of one moment for the
// master (Scoreboard::ReadAtOneMoment).
std::string RenderMetrics(const Scoreboard& scoreboard, Time now);

}  // namespace preforkd

#endif
