// GateService: what a gate does with a connection: the handshake, within its time, then back to the master
// with the state of the session. It serves nothing and runs no code of users.
#ifndef PREFORKD_WORKER_GATE_GATE_SERVICE_H_
#define PREFORKD_WORKER_GATE_GATE_SERVICE_H_

#include <memory>
#include <optional>
#include <utility>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/gate/key_files.h"
#include "common/gate/ticket_page.h"
#include "common/process/worker_start.h"
#include "worker/connection/service.h"
#include "worker/gate/handshake.h"

namespace preforkd {

// What a gate gets from the master. Read before it gives up the master's descriptors, and used as its own
// user.
struct GateInputs {
  // `key_files` of `start`, and its ticket page.
  static Result<GateInputs> Read(const WorkerStart& start);

  KeyMaterial material;
  std::optional<TicketPage> tickets;  // nullopt: no session tickets
};

class GateService final : public Service {
 public:
  // For the child, before it is ready: parses the keys. Error: as for a configuration that is checked.
  static Result<std::unique_ptr<Service>> Make(const TlsConfig& config, GateInputs inputs);

  std::unique_ptr<Session> Open(Connection& connection, Luggage luggage) override;

 private:
  explicit GateService(GateSettings settings) : settings_(std::move(settings)) {}

  GateSettings settings_;
};

}  // namespace preforkd

#endif
