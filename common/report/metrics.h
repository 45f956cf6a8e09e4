// RenderMetrics: the contents of the scoreboard in Prometheus' format. Any process may call it: a worker for
// `/metrics` of the status service, the master for `preforkctl metrics`. It changes nothing and makes no
// system call, so both give the same answer, and a scrape from a worker costs the master nothing.
//
// Counters never go back when a worker ends, at a reload or when scaling: the counts of ended workers are in
// the totals of their slot, slots that have had a worker stay listed, and so do closed listeners. Gauges
// cover the current workers and listeners. The totals of a slot restart at 0 when it moves to another pool.
// Users depend on the names: never change them.
#ifndef PREFORKD_COMMON_REPORT_METRICS_H_
#define PREFORKD_COMMON_REPORT_METRICS_H_

#include <string>

#include "common/base/clock.h"
#include "common/gate/certificate_facts.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// The Content-Type of the text.
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// Text in the exposition format, each metric with HELP and TYPE, some KiB. The master's numbers are read at
// one moment (Scoreboard::ReadAtOneMoment).
// `certificates`: those of the generation of the process that answers; nullptr: none.
std::string RenderMetrics(const Scoreboard& scoreboard, Time now,
                          const AllCertificateFacts* certificates = nullptr);

}  // namespace preforkd

#endif
