// echo: sends back what it receives. The smallest real service, and the one to read first when writing one.
//
// Back-pressure both ways: while the client does not take what is owed, nothing more is read from it, so a
// session never holds more than one read. Half-close is answered when everything has been sent. Nothing is
// kept while the connection is idle. A session can travel at any moment, with what is owed in its luggage.
#ifndef PREFORKD_WORKER_SERVICES_ECHO_H_
#define PREFORKD_WORKER_SERVICES_ECHO_H_

#include "worker/connection/service.h"

namespace preforkd {

ServiceType EchoServiceType();

}  // namespace preforkd

#endif
