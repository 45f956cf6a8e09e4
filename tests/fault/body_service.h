// The service `body`: HTTP that accepts a body with any method, and answers with its length. "/long" is
// answered with many megabytes.
#ifndef PREFORKD_TESTS_FAULT_BODY_SERVICE_H_
#define PREFORKD_TESTS_FAULT_BODY_SERVICE_H_

#include "worker/connection/service.h"

namespace preforkd::testing {

ServiceType BodyServiceType();

}  // namespace preforkd::testing

#endif
