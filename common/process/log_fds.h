// LogFds: where a process writes its log lines, as the master passes it on: descriptors, borrowed from their
// owner (master/system/log_output.h), and how lines are dressed for what is behind them.
#ifndef PREFORKD_COMMON_PROCESS_LOG_FDS_H_
#define PREFORKD_COMMON_PROCESS_LOG_FDS_H_

#include "common/base/log.h"

namespace preforkd {

struct LogFds {
  int server = 2;
  log::Sink sink = log::Sink::kFile;  // of `server`
  int access = -1;                    // none: there is no access log

  bool operator==(const LogFds&) const = default;
};

}  // namespace preforkd

#endif
