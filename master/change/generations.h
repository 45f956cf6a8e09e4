// Generations: the configuration in service and the one that is coming, and the numbers that they give out.
// Owns both.
#ifndef PREFORKD_MASTER_CHANGE_GENERATIONS_H_
#define PREFORKD_MASTER_CHANGE_GENERATIONS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "master/accept/name_numbers.h"
#include "master/upgrade/state/upgrade_state.h"
#include "master/workers/slots/generation.h"

namespace preforkd {

class Generations {
 public:
  Generations() { pool_ids_.Keep(std::string(kMainPoolName), kMainPool); }

  // The first one.
  void Begin(std::shared_ptr<const Config> config);
  // The next one; it is coming from now on.
  void Prepare(std::shared_ptr<const Config> config);
  // What is coming serves.
  void Promote();
  // What is coming is dropped.
  void Abandon() { coming_ = {}; }

  [[nodiscard]] const GenerationSpec& Serving() const { return serving_; }
  [[nodiscard]] const GenerationSpec& Coming() const { return coming_; }
  // For the service manager.
  [[nodiscard]] std::string ServingText() const;
  // A name keeps its number as long as the server lives.
  // Precondition: HasNumbersFor has said so.
  ServiceId ServiceOf(const std::string& name) { return service_ids_.Of(name); }
  // Error: no number is left for one of its services or pools.
  [[nodiscard]] Status HasNumbersFor(const Config& config) const;

  // ---- upgrade in place ----
  void Save(UpgradeState& state) const;
  // Instead of Begin: `config` is what the saved generation was made from.
  void Restore(const UpgradeState& state, std::shared_ptr<const Config> config);

 private:
  GenerationSpec Make(std::shared_ptr<const Config> config);

  GenerationSpec serving_;
  GenerationSpec coming_;
  Generation last_{};
  NameNumbers<ServiceId> service_ids_;
  NameNumbers<PoolId> pool_ids_;
};

}  // namespace preforkd

#endif
