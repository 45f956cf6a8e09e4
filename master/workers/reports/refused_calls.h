// RefusedCallReport: says which system calls the filter has refused to which worker. Reads the scoreboard
// rows: what a wild worker has written there makes wrong lines, and not many.
#ifndef PREFORKD_MASTER_WORKERS_REPORTS_REFUSED_CALLS_H_
#define PREFORKD_MASTER_WORKERS_REPORTS_REFUSED_CALLS_H_

#include <string>
#include <vector>

#include "common/scoreboard/scoreboard.h"
#include "master/policy/refusal_watch.h"

namespace preforkd {

// "socket 3 times (set 'network'), ptrace once", and how a set is given, if that helps.
std::string DescribeRefusals(const std::vector<RefusedCall>& calls);

class RefusedCallReport {
 public:
  // `page` outlives this.
  explicit RefusedCallReport(MasterPage& page) : page_(page) {}

  // Once in a while, for each worker.
  void Update(const WorkerId& worker, const WorkerRow& row, Time now);
  // At its end, while the row is as it left it.
  void Finish(const WorkerId& worker, const WorkerRow& row);

 private:
  void Say(const WorkerId& worker, const std::vector<RefusedCall>& calls);

  MasterPage& page_;
  RefusalWatch watch_;
};

}  // namespace preforkd

#endif
