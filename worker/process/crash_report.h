// Leaves in the scoreboard where this process was when a signal killed it. The master, which is the same
// program at the same addresses, names the places and writes them to the log; the process itself does nothing
// that is not safe in a signal handler.
#ifndef PREFORKD_WORKER_PROCESS_CRASH_REPORT_H_
#define PREFORKD_WORKER_PROCESS_CRASH_REPORT_H_

#include "common/base/result.h"
#include "common/scoreboard/scoreboard.h"

namespace preforkd {

// For SEGV, BUS, FPE, ILL, TRAP and ABRT, on a stack of its own so that a stack overflow can be reported too.
// The signal then takes its default course: the core, if cores are enabled, is not prevented. `record` must
// outlive the process. A build with a sanitizer leaves the handlers to the sanitizer.
Status InstallCrashReport(CrashRecord& record);

}  // namespace preforkd

#endif
