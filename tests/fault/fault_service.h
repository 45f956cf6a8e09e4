// fault: a service whose clients choose how their worker fails. For tests only.
//
// One command a line; the answer, where there is one, is one line too:
//   hello -> "hello SLOT PID"     pid -> "PID"         sleep MS, spin MS -> "done", after blocking the
//   process grow MB -> "done", memory touched and kept         crash (SIGSEGV)   abort   exit N   throw: no
//   answer      row SLOT -> "ok", or the name of its errno, after making that row of the scoreboard one to
//   write to call NAME [ARGUMENT] -> "ok", or the name of its errno, after trying a system call
//   (system_calls.h)
// Options of the service, for faults at start and at retiring:
//   crash_at_start = "SLOT" or "all"    exits with status 1 while the service is made
//   hang_at_start = "SLOT" or "all"   never returns from there
//   ignore_retire = true              sessions stay when the worker is told to leave
#ifndef PREFORKD_TESTS_FAULT_FAULT_SERVICE_H_
#define PREFORKD_TESTS_FAULT_FAULT_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd::testing {

ServiceType FaultServiceType();

}  // namespace preforkd::testing

#endif
