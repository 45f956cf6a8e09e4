// A service type "module" that opens its module and calls init, and never calls the module again: each
// request is answered with what the module declares. For tests of everything that happens before a module
// serves.
#ifndef PREFORKD_TESTS_MODULE_PROBE_STUB_MODULE_H_
#define PREFORKD_TESTS_MODULE_PROBE_STUB_MODULE_H_

#include "worker/connection/service.h"

namespace preforkd::testing {

ServiceType StubModuleType();

}  // namespace preforkd::testing

#endif
