// Rounds: the supervisor's periodic checks: workers that hang or have reached a limit, extras that are not
// needed, and the resource use of the master itself.
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_ROUNDS_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_ROUNDS_H_

#include <functional>

#include "common/event/timer.h"
#include "common/process/heap_trim.h"
#include "master/workers/reports/exit_reports.h"
#include "master/workers/rounds/extra_workers.h"
#include "master/workers/rounds/hang_rounds.h"
#include "master/workers/rounds/recycle_rounds.h"
#include "master/workers/rounds/self_report.h"
#include "master/workers/slots/supervisor_parts.h"

namespace preforkd {

class Rounds {
 public:
  // `on_done` is called at the end of each round. `extras` and `reports` outlive this.
  Rounds(const SupervisorParts& parts, ExtraWorkers& extras, ExitReports& reports,
         std::function<void()> on_done);

  // Runs one round now, then one every HangRounds::Interval(). Precondition: a generation is in service or
  // starting.
  void Make();

 private:
  // Collects what workers of previous programs wrote to their scoreboards, where no event announces it.
  void CheckForeignBoards();

  SupervisorParts parts_;
  ExtraWorkers& extras_;
  ExitReports& reports_;
  std::function<void()> on_done_;
  Timer timer_;
  SelfReport self_report_;
  HeapTrim heap_;
  HangRounds hangs_;
  RecycleRounds recycling_;
};

}  // namespace preforkd

#endif
