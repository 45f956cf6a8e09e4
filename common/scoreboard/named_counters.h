// The counters of the scoreboard by name: what a successor of this program, whose board may be laid out otherwise, finds
// them by (foreign_board.h). A name, once given, keeps its meaning; a counter that is added here travels through
// upgrades from then on.
#ifndef PREFORKD_COMMON_SCOREBOARD_NAMED_COUNTERS_H_
#define PREFORKD_COMMON_SCOREBOARD_NAMED_COUNTERS_H_

#include <fmt/format.h>

#include <string>

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// `visit(std::string name, Counter&)` for each class of a histogram: by its bound, since classes may be added.
template <typename Histogram, typename Visit>
void VisitHistogram(const std::string& name, Histogram& histogram, Visit&& visit) {
  for (std::size_t i = 0; i < WaitHistogram::kClasses; ++i) {
    const bool bounded = i < WaitHistogram::kBounds.size();
    visit(bounded ? fmt::format("{}.{}", name, WaitHistogram::kBounds[i]) : name + ".more", histogram.counts[i]);
  }
  visit(name + ".sum_ns", histogram.sum_ns);
}

// Likewise for each value of an enumeration: by the label that it has in metrics.
template <typename Kind, typename Counters, typename Visit>
void VisitByReason(const std::string& name, Counters& counters, const char* (*label)(Kind), Visit&& visit) {
  for (std::size_t i = 0; i < counters.size(); ++i) {
    const auto kind = static_cast<Kind>(i);
    if constexpr (requires { counters[kind]; }) {
      visit(fmt::format("{}.{}", name, label(kind)), counters[kind]);
    } else {
      visit(fmt::format("{}.{}", name, label(kind)), counters[i]);
    }
  }
}

// What a worker writes into its row.
template <typename Visit>
void VisitWorkerCounters(WorkerRow& row, Visit&& visit) {
  visit("taken", row.taken);
  visit("finished", row.finished);
  visit("lost", row.lost);
  VisitByReason<LossReason>("lost", row.lost_by, LossReasonName, visit);
  visit("returned", row.returned);
  visit("requests", row.requests);
  visit("bytes_in", row.bytes_in);
  visit("bytes_out", row.bytes_out);
  visit("heartbeat_ns", row.heartbeat_ns);
  visit("callback_since_ns", row.callback_since_ns);
  visit("callbacks", row.callbacks);
  visit("busy_ns", row.busy_ns);
  visit("rss_bytes", row.rss_bytes);
  visit("cpu_ns", row.cpu_ns);
  VisitHistogram("dispatch_wait", row.dispatch_wait, visit);
  visit("doing_since_ns", row.doing_since_ns);
  visit("doing_conn", row.doing_conn);
  for (std::size_t i = 0; i < row.refused.kinds.size(); ++i) {
    visit(fmt::format("refused.{}.number", i), row.refused.kinds[i].number);
    visit(fmt::format("refused.{}.count", i), row.refused.kinds[i].count);
  }
  visit("refused.others", row.refused.others);
}

// What the master writes into a row about the worker that has the slot now.
template <typename Visit>
void VisitMastersCounters(WorkerRow& row, Visit&& visit) {
  visit("pid", row.pid);
  visit("incarnation", row.incarnation);
  visit("generation", row.generation);
  visit("pool", row.pool);
  visit("started_ns", row.started_ns);
  visit("handed_over", row.handed_over);
  visit("reclaimed", row.reclaimed);
  visit("handed_back", row.handed_back);
}

// What earlier workers of the slot have counted.
template <typename Visit>
void VisitSlotTotals(SlotTotals& totals, Visit&& visit) {
  visit("incarnations", totals.incarnations);
  visit("requests", totals.requests);
  visit("bytes_in", totals.bytes_in);
  visit("bytes_out", totals.bytes_out);
  visit("cpu_ns", totals.cpu_ns);
}

// What the master counts, and what is true for as long as the process lives, whichever program it runs. Not what it
// counts anew wherever it looks: parked, waiting, its own use.
template <typename Visit>
void VisitTotals(MasterPage& page, Visit&& visit) {
  visit("pid", page.pid);
  visit("started_ns", page.started_ns);
  visit("started_unix_ns", page.started_unix_ns);
  visit("accepted", page.accepted);
  visit("lost", page.lost);
  VisitByReason<LossReason>("lost", page.lost_by, LossReasonName, visit);
  visit("reclaimed", page.reclaimed);
  VisitByReason("handed_over", page.handed_over, HandOverReasonName, visit);
  VisitByReason("handed_back", page.handed_back, ReturnReasonName, visit);
  visit("closed_parked", page.closed_parked);
  visit("evicted", page.evicted);
  visit("finished_before", page.finished_before);
  visit("requests_moved", page.requests_moved);
  VisitHistogram("dispatch_wait_before", page.dispatch_wait_before, visit);
  VisitByReason("restarts", page.restarts, RestartReasonName, visit);
  VisitByReason("recycled", page.recycled, RecycleReasonName, visit);
  VisitByReason("reloads", page.reloads, ReloadResultName, visit);
  VisitByReason("upgrades", page.upgrades, UpgradeResultName, visit);
  visit("channel_full", page.channel_full);
  visit("too_many_in_flight", page.too_many_in_flight);
  VisitByReason("accept_errors", page.accept_errors, AcceptErrnoName, visit);
  visit("calls_refused", page.calls_refused);
  visit("log_lines_dropped", page.log_lines_dropped);
  visit("access_lines_dropped", page.access_lines_dropped);
}

}  // namespace preforkd

#endif
