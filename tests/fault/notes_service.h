// notes: a line service whose sessions travel with all their state: the bytes that the client has stored, and
// a half-received line. For tests of travelling, and of sessions that throw when the worker asks them
// something.
//
// One command a line. The answer is one line too:
//   keep N   "kept TOTAL"; adds N bytes to the state
//   count    "kept TOTAL"
//   pid      "PID"
//   work     "done"; the session then has work, which it answers with "worked" when the worker retires
//   throw in refusal, throw in pack, throw in lag
//            "done"; that function throws from then on
//   close from a timer, travel from a timer, throw from a timer
//            no answer: the session does it in a timer of its own
#ifndef PREFORKD_TESTS_FAULT_NOTES_SERVICE_H_
#define PREFORKD_TESTS_FAULT_NOTES_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd::testing {

ServiceType NotesServiceType();

}  // namespace preforkd::testing

#endif
