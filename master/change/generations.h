// Generations: the configuration in service, the next one, and the numbers that they are given. Owns both.
#ifndef PREFORKD_MASTER_CHANGE_GENERATIONS_H_
#define PREFORKD_MASTER_CHANGE_GENERATIONS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/gate/checked_certificates.h"
#include "master/accept/name_numbers.h"
#include "master/change/counter_table.h"
#include "master/tls/certificate_ends.h"
#include "master/tls/ticket_keys.h"
#include "master/upgrade/state/upgrade_state.h"
#include "master/workers/slots/generation.h"

namespace preforkd {

// A configuration, and its certificates if it has gates.
struct ServedConfig {
  std::shared_ptr<const Config> config;
  CheckedCertificates certificates{};
};

class Generations {
 public:
  // `scoreboard` shows the names of pools and the counters of modules. Both must outlive this.
  Generations(EventLoop& loop, const Scoreboard& scoreboard)
      : scoreboard_(scoreboard), counters_(scoreboard), tickets_(loop), certificate_watch_(loop) {
    pool_ids_.Keep(std::string(kMainPoolName), kMainPool);
  }

  // Sets the first configuration, and what its modules have preloaded.
  void Begin(ServedConfig served, Preloads preloads);
  // Sets the next configuration.
  void Prepare(std::shared_ptr<const Config> config, CheckedCertificates certificates);
  // Sets what the modules of the next configuration have preloaded.
  void SetPreloads(Preloads preloads) { coming_.preloads = std::move(preloads); }
  // The next configuration enters service.
  void Promote();
  // Drops the next configuration.
  void Abandon() { coming_ = {}; }

  [[nodiscard]] const GenerationSpec& Serving() const { return serving_; }
  [[nodiscard]] const GenerationSpec& Coming() const { return coming_; }
  // One line for the service manager's status.
  [[nodiscard]] std::string ServingText() const;
  // A name keeps its number until the server is restarted.
  // Precondition: HasNumbersFor succeeded.
  ServiceId ServiceOf(const std::string& name) { return service_ids_.Of(name); }
  // Error: no number is left for one of the services, pools or counters of modules of `config`.
  [[nodiscard]] Status HasNumbersFor(const Config& config) const;

  // ---- upgrade in place ----
  void Save(UpgradeState& state) const;
  // Instead of Begin. `config` was parsed from the saved generation's text. Its certificates are not checked
  // again: its gates have them already.
  void Restore(const UpgradeState& state, std::shared_ptr<const Config> config);

 private:
  GenerationSpec Make(std::shared_ptr<const Config> config, CheckedCertificates certificates);

  const Scoreboard& scoreboard_;
  GenerationSpec serving_;
  GenerationSpec coming_;
  Generation last_{};
  NameNumbers<ServiceId> service_ids_;
  NameNumbers<PoolId> pool_ids_;
  CounterTable counters_;
  TicketKeys tickets_;
  CertificateWatch certificate_watch_;
};

}  // namespace preforkd

#endif
