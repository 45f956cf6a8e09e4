// NextServiceState: tells whether the server can serve. Pure.
#ifndef PREFORKD_MASTER_POLICY_SERVICE_STATE_H_
#define PREFORKD_MASTER_POLICY_SERVICE_STATE_H_

#include <cstdint>

namespace preforkd {

enum class ServiceState {
  kServing,   // a worker is ready, or one is starting in place of one that has just exited
  kDegraded,  // no worker is ready and none is starting: fork fails, or the restart back-off is running
};

// `ready`, `starting`: workers of the generation in service. A degraded server serves again when a worker is
// ready, not when one is started: in a crash loop the state does not alternate.
ServiceState NextServiceState(ServiceState now, std::uint32_t ready, std::uint32_t starting);

}  // namespace preforkd

#endif
