#include "master/policy/service_state.h"

namespace preforkd {

ServiceState NextServiceState(ServiceState now, std::uint32_t ready, std::uint32_t starting) {
  if (ready > 0) return ServiceState::kServing;
  return starting == 0 ? ServiceState::kDegraded : now;
}

}  // namespace preforkd
