// Beginning: the arguments of Connection::SwitchService: the service that takes over, and its luggage.
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
