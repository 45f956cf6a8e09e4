// SelfReport: publishes the resource use of the master's process in the scoreboard.
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_SELF_REPORT_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_SELF_REPORT_H_

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class SelfReport {
 public:
  explicit SelfReport(MasterPage& page) : page_(page) {}

  // Measures and publishes. Takes some microseconds, independent of the number of connections.
  void Publish();

 private:
  MasterPage& page_;
  std::uint64_t other_descriptors_ = 0;  // descriptors that are not clients', at the last full count
};

}  // namespace preforkd

#endif
