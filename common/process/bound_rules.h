// BoundRulesOf: the bounds by client address as a process applies them.
#ifndef PREFORKD_COMMON_PROCESS_BOUND_RULES_H_
#define PREFORKD_COMMON_PROCESS_BOUND_RULES_H_

#include <algorithm>
#include <utility>
#include <vector>

#include "common/bounds/client_bounds.h"
#include "common/config/config.h"
#include "common/net/network.h"

namespace preforkd {

// Precondition: the configuration was checked.
inline BoundRules BoundRulesOf(const LimitsConfig& limits) {
  BoundRules rules{limits.connections, limits.connection_rate, limits.handshake_rate};
  std::vector<Network> exempt;
  for (const std::string& text : limits.exempt) exempt.push_back(ParseNetwork(text).Value());
  if (exempt.empty()) return rules;
  rules.exempt = [exempt = std::move(exempt)](const SocketAddress& peer) {
    const HostAddress host = HostAddress::Of(peer);
    return std::any_of(exempt.begin(), exempt.end(),
                       [&](const Network& network) { return network.Has(host); });
  };
  return rules;
}

}  // namespace preforkd

#endif
