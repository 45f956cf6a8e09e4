// LogFds: the descriptors that a process writes its log lines to, borrowed from their owner
// (master/system/log_output.h), and the kind of sink behind them.
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
