// top: the status once a second with rates, live on a terminal, as plain tables anywhere else.
#ifndef PREFORKD_MASTER_CTL_TOP_H_
#define PREFORKD_MASTER_CTL_TOP_H_

#include "common/base/exit_code.h"
#include "master/ctl/ctl_options.h"

namespace preforkd {

// Runs until it is ended, or has printed options.count tables (without a terminal: 1 if that is 0). A server
// that goes away while it runs is waited for on a terminal, and ends it anywhere else.
ExitCode RunTop(const CtlOptions& options);

}  // namespace preforkd

#endif
