// The system-call filter (seccomp(2)): once installed, this process and every process that it forks or
// executes can make only the calls in the table (common/process/call_table.h).
//
// Any other call fails with EPERM and is noted in the scoreboard row. The master logs it from there, because
// the worker may be under an attacker's control. If the caller has blocked the signal that the filter raises
// (pthread_create(3) blocks all signals), the kernel kills the process with SIGSYS.
#ifndef PREFORKD_WORKER_PROCESS_CALL_FILTER_H_
#define PREFORKD_WORKER_PROCESS_CALL_FILTER_H_

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/process/call_table.h"
#include "common/scoreboard/refused_calls.h"

namespace preforkd {

// kOn: refuses other calls and notes them in `refused`, which must outlive the process. kLog: allows them,
// and the kernel's audit log names what kOn would refuse. kOff: does nothing. Applies to all threads, and
// cannot be undone. Needs PR_SET_NO_NEW_PRIVS. If the kernel does not support filters, nothing is done and
// the master logs that (identity_plan.h). Error: the kernel supports filters, but this one could not be
// installed.
Status InstallCallFilter(CallFilter mode, CallBase base, CallSets sets, RefusedCalls& refused);

}  // namespace preforkd

#endif
