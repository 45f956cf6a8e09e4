// Beginning: what Connection::BeginAnew was told: the service that takes over, and what it begins with.
#ifndef PREFORKD_WORKER_CONNECTION_BEGINNING_H_
#define PREFORKD_WORKER_CONNECTION_BEGINNING_H_

#include "worker/connection/service.h"

namespace preforkd {

struct Beginning {
  Service& service;
  Luggage luggage;
};

}  // namespace preforkd

#endif
