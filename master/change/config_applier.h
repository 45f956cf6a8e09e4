// ConfigApplier: applies a configuration to the master itself: logs, listeners, limits, identity numbers.
#ifndef PREFORKD_MASTER_CHANGE_CONFIG_APPLIER_H_
#define PREFORKD_MASTER_CHANGE_CONFIG_APPLIER_H_

#include <string>
#include <vector>

#include "master/change/master_parts.h"

namespace preforkd {

class ConfigApplier {
 public:
  explicit ConfigApplier(const MasterParts& parts) : parts_(parts) {}

  // `generation` enters service. Precondition: its listeners are prepared.
  void Apply(const GenerationSpec& generation);
  // The part of Apply that also holds for a generation that was restored in an upgrade.
  void ApplyNumbers(const GenerationSpec& generation);
  // The part of Apply that says which pool serves each service.
  void ApplyRoutes(const GenerationSpec& generation);
  // The part of Apply that sets memory protection of this process and logs missing isolation.
  void ApplyToProcess(const Config& config);

 private:
  // Logs which configured isolation is not in force (no root, no seccomp); repeats only on change.
  void Remark(const Config& config);

  MasterParts parts_;
  std::vector<std::string> remarks_;  // as they were logged
};

}  // namespace preforkd

#endif
