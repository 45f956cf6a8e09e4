// NextServiceState: whether a server that should serve does. Pure.
#ifndef PREFORKD_MASTER_POLICY_SERVICE_STATE_H_
#define PREFORKD_MASTER_POLICY_SERVICE_STATE_H_

#include <cstdint>

namespace preforkd {

enum class ServiceState {
  kServing,   // a worker is ready, or one is being started in place of one that has just died
  kDegraded,  // no worker is ready, and none is being started: the system refuses, or the back-off is not
              // over
};

// `ready`, `starting`: workers of the generation in service. A degraded server serves again when one is
// ready, not when one is tried: in a crash loop the state does not alternate.
ServiceState NextServiceState(ServiceState now, std::uint32_t ready, std::uint32_t starting);

}  // namespace preforkd

#endif
