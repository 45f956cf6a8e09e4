// fault: a service whose clients choose how their worker fails. For tests only.
//
// One command a line. The answer, if there is one, is one line too:
//   hello                 "hello SLOT PID"
//   pid                   "PID"
//   sleep MS, spin MS     "done", after blocking the process
//   grow MB               "done"; the memory is touched and kept
//   crash, abort, exit N, throw
//                         no answer; crash is SIGSEGV
//   row SLOT              "ok" or the name of an errno, after trying to make that scoreboard row writable
//   call NAME [ARGUMENT]  "ok" or the name of an errno, after trying a system call (system_calls.h)
// Options of the service, for faults at start and when retiring:
//   crash_at_start = "SLOT" or "all"  exits with status 1 while the service is made
//   hang_at_start = "SLOT" or "all"   never returns from there
//   ignore_retire = true              sessions stay when the worker is told to retire
#ifndef PREFORKD_TESTS_FAULT_FAULT_SERVICE_H_
#define PREFORKD_TESTS_FAULT_FAULT_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd::testing {

ServiceType FaultServiceType();

}  // namespace preforkd::testing

#endif
