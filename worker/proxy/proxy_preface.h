// ProxyPreface: what a connection of a listener with `proxy_protocol` begins with: reads the header that the
// proxy has put before the client's bytes, makes the client the peer, and gives the connection to its
// service.
#ifndef PREFORKD_WORKER_PROXY_PROXY_PREFACE_H_
#define PREFORKD_WORKER_PROXY_PROXY_PREFACE_H_

#include "worker/connection/service.h"

namespace preforkd {

class ProxyPreface : public Service {
 public:
  // `next` outlives it, and every connection.
  explicit ProxyPreface(Service& next) : next_(next) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override;

 private:
  Service& next_;
};

}  // namespace preforkd

#endif
