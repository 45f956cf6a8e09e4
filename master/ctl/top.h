// top: the status with rates once a second, live on a terminal, else as plain tables.
#ifndef PREFORKD_MASTER_CTL_TOP_H_
#define PREFORKD_MASTER_CTL_TOP_H_

#include "common/base/exit_code.h"
#include "master/ctl/ctl_options.h"

namespace preforkd {

// Runs until interrupted, or until options.count tables are printed (without a terminal: 1 if that is 0). If
// the server goes away, it waits for it on a terminal, else it ends.
ExitCode RunTop(const CtlOptions& options);

}  // namespace preforkd

#endif
