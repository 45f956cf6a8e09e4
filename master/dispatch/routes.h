// Routes: which pool serves a connection. A plain value, of one generation.
#ifndef PREFORKD_MASTER_DISPATCH_ROUTES_H_
#define PREFORKD_MASTER_DISPATCH_ROUTES_H_

#include <optional>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/wire/parcel.h"

namespace preforkd {

struct Routes {
  std::vector<std::pair<ServiceId, PoolId>> services;
  std::optional<PoolId> gates;  // the pool that makes TLS handshakes; nullopt: no listener needs one
};

}  // namespace preforkd

#endif
