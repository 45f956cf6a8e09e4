// SelfReport: what the master's own process uses, shown in the scoreboard for everybody who asks.
#ifndef PREFORKD_MASTER_WORKERS_ROUNDS_SELF_REPORT_H_
#define PREFORKD_MASTER_WORKERS_ROUNDS_SELF_REPORT_H_

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

class SelfReport {
 public:
  explicit SelfReport(MasterPage& page) : page_(page) {}

  // Looks, and writes it down. Some microseconds, however many connections there are.
  void Publish();

 private:
  MasterPage& page_;
  std::uint64_t other_descriptors_ = 0;  // than clients', when they were last counted one by one
};

}  // namespace preforkd

#endif
