// echo: sends back what it receives. The smallest real service; read it first when writing your own.
//
// Back-pressure works in both directions: while a client does not accept what is owed, nothing more is read
// from it, so a session holds at most one read. A half-close is answered after everything has been sent. An
// idle connection holds no memory. A session can travel at any time, with what is owed in its luggage.
#ifndef PREFORKD_WORKER_SERVICES_ECHO_H_
#define PREFORKD_WORKER_SERVICES_ECHO_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType EchoServiceType();

}  // namespace preforkd

#endif
