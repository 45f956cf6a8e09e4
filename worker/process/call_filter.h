// The filter of system calls (seccomp(2)): from now on this process, and whatever it forks or executes, makes
// only the calls of the table (common/process/call_table.h).
//
// A call outside of it fails with EPERM and is noted in the scoreboard row, from where the master says it:
// the worker, which may be somebody else's by now, has no part in that. Where the signal that does this
// cannot be delivered, because the caller has blocked it (pthread_create(3) blocks all), the kernel ends the
// process with SIGSYS.
#ifndef PREFORKD_WORKER_PROCESS_CALL_FILTER_H_
#define PREFORKD_WORKER_PROCESS_CALL_FILTER_H_

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/scoreboard/refused_calls.h"

namespace preforkd {

// kOn: refuses and notes in `refused`, which outlives the process. kLog: allows, and the kernel's audit log
// names what kOn would refuse. kOff: nothing. For all threads of the process, and for good. Needs
// PR_SET_NO_NEW_PRIVS. Where the kernel has no filters nothing is done, and the master says so
// (identity_plan.h). Error: the kernel has filters, and this one could not be installed.
Status InstallCallFilter(CallFilter mode, CallSets sets, RefusedCalls& refused);

}  // namespace preforkd

#endif
