// Crash report: when a signal kills this process, records the call stack in the scoreboard. The master is the
// same program at the same addresses: it resolves the addresses and logs them. Only frames in modules are
// named here (loaded_objects.h), because the master does not have those. This process does only what is safe
// in a signal handler.
#ifndef PREFORKD_WORKER_PROCESS_CRASH_REPORT_H_
#define PREFORKD_WORKER_PROCESS_CRASH_REPORT_H_

#include "common/base/result.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// Handles SEGV, BUS, FPE, ILL, TRAP and ABRT, on an alternate stack so that a stack overflow is reported too.
// The signal then takes its default action, so a core is still written where cores are enabled. `record` and
// `names` must outlive the process. In a sanitizer build nothing is installed: the sanitizer has its own
// handlers.
Status InstallCrashReport(CrashRecord& record, FrameNames& names);

}  // namespace preforkd

#endif
