// ProxyPreface: the first service of a connection to a listener with `proxy_protocol`. It reads the header
// that the proxy sends before the client's data, sets the client's address as the peer, and switches to the
// connection's service.
#ifndef PREFORKD_WORKER_PROXY_PROXY_PREFACE_H_
#define PREFORKD_WORKER_PROXY_PROXY_PREFACE_H_

#include "worker/connection/service.h"

namespace preforkd {

class ProxyPreface : public Service {
 public:
  // `next` must outlive this object and every connection.
  explicit ProxyPreface(Service& next) : next_(next) {}

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override;

 private:
  Service& next_;
};

}  // namespace preforkd

#endif
