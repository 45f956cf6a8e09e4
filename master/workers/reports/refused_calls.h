// RefusedCallReport: logs which system calls the filter has refused to which worker. Reads the scoreboard
// rows: a faulty worker can cause wrong lines, but not many.
#ifndef PREFORKD_MASTER_WORKERS_REPORTS_REFUSED_CALLS_H_
#define PREFORKD_MASTER_WORKERS_REPORTS_REFUSED_CALLS_H_

#include <string>
#include <vector>

#include "common/scoreboard/scoreboard.h"
#include "master/policy/refusal_watch.h"

namespace preforkd {

// "socket 3 times (set 'network'), ptrace once", with a hint how to allow a set if one would help.
std::string DescribeRefusals(const std::vector<RefusedCall>& calls);

class RefusedCallReport {
 public:
  // `page` outlives this.
  explicit RefusedCallReport(MasterPage& page) : page_(page) {}

  // Call it in each round, for each worker.
  void Update(const WorkerId& worker, const WorkerRow& row, Time now);
  // The worker has exited; `row` is as it left it.
  void Finish(const WorkerId& worker, const WorkerRow& row);

 private:
  void Report(const WorkerId& worker, const std::vector<RefusedCall>& calls);

  MasterPage& page_;
  RefusalWatch watch_;
};

}  // namespace preforkd

#endif
