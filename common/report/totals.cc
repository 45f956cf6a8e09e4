#include "common/report/totals.h"

namespace preforkd {
namespace {

void AddUp(Totals& totals, const WaitHistogram& histogram) {
  for (std::size_t i = 0; i < totals.waits.size(); ++i) totals.waits[i] += Get(histogram.counts[i]);
  totals.waits_ns += Get(histogram.sum_ns);
}

void AddUp(Totals& totals, const HandshakeCounters& counters) {
  for (std::size_t i = 0; i < kHandshakeEnds; ++i)
    totals.handshakes[i] += Get(counters.ended[static_cast<HandshakeEnd>(i)]);
  totals.handshakes_done += counters.Done();
  totals.handshakes_failed += counters.Failed();
  totals.resumptions += Get(counters.resumed);
}

}  // namespace

Totals ReadTotalsNow(const Scoreboard& scoreboard) {
  Totals totals;
  totals.account = scoreboard.AccountNow();
  totals.requests = Get(scoreboard.Master().requests_moved);
  AddUp(totals, scoreboard.Master().dispatch_wait_before);
  AddUp(totals, scoreboard.Master().handshakes_before);
  for (std::uint32_t i = 0; i < scoreboard.SlotsUsed(); ++i) {
    const WorkerRow& row = scoreboard.Row(Slot{i});
    totals.requests += Get(row.before.requests) + Get(row.requests);
    AddUp(totals, row.dispatch_wait);
    AddUp(totals, row.handshakes);
  }
  return totals;
}

std::vector<std::uint64_t> ReadModuleCountsNow(const Scoreboard& scoreboard) {
  std::vector<std::uint64_t> counts(scoreboard.ModuleCounterRows().size());
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = Get(scoreboard.Master().module_counts_before[i]);
  for (std::uint32_t slot = 0; slot < scoreboard.SlotsUsed(); ++slot) {
    const WorkerRow& row = scoreboard.Row(Slot{slot});
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += Get(row.module_counts[i]);
  }
  return counts;
}

}  // namespace preforkd
