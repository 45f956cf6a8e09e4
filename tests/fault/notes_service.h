// notes: a service by lines whose sessions travel with all that they have: what the client has had kept, and
// a line that has come by half. For tests of what travels, and of sessions that fail where the worker asks
// them something.
//
// One command a line; the answer is one line too:
//   keep N -> "kept TOTAL"   adds N bytes to what travels     count -> "kept TOTAL"   pid -> "PID"
//   work -> "done"           from then on there is work to be done, which is "worked" when the worker retires
//   throw in refusal, pack or lag -> "done"; that one throws from then on
//   close from a timer, travel from a timer, throw from a timer -> no answer: a timer of the session's own
//   does it
#ifndef PREFORKD_TESTS_FAULT_NOTES_SERVICE_H_
#define PREFORKD_TESTS_FAULT_NOTES_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd::testing {

ServiceType NotesServiceType();

}  // namespace preforkd::testing

#endif
