// ConfigApplier: what a configuration means to the master itself: logs, listeners, limits, numbers.
#ifndef PREFORKD_MASTER_CHANGE_CONFIG_APPLIER_H_
#define PREFORKD_MASTER_CHANGE_CONFIG_APPLIER_H_

#include <string>
#include <vector>

#include "master/change/master_parts.h"

namespace preforkd {

class ConfigApplier {
 public:
  explicit ConfigApplier(const MasterParts& parts) : parts_(parts) {}

  // `generation`, whose listeners are prepared, comes into service.
  void Apply(const GenerationSpec& generation);
  // The part of that which holds for a generation of another program, too.
  void ApplyNumbers(const GenerationSpec& generation);
  // The part that concerns this process's memory, and the remarks.
  void ApplyToProcess(const Config& config);

 private:
  // What workers are not kept from, though they should be: once, and again when it changes.
  void Remark(const Config& config);

  MasterParts parts_;
  std::vector<std::string> remarks_;  // as they were logged
};

}  // namespace preforkd

#endif
