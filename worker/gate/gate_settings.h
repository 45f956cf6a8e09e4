// GateSettings: what the handshakes of a gate share: the configuration, and what GnuTLS makes of it.
#ifndef PREFORKD_WORKER_GATE_GATE_SETTINGS_H_
#define PREFORKD_WORKER_GATE_GATE_SETTINGS_H_

#include <optional>

#include "common/base/result.h"
#include "common/config/tls_config.h"
#include "common/gate/ticket_page.h"
#include "worker/gate/certificate_store.h"
#include "worker/gate/gnutls_handles.h"

namespace preforkd {

// Made after the fork; see Certificate for where keys may be.
struct GateSettings {
  // Error: GnuTLS lacks something, or cannot use the configuration.
  static Result<GateSettings> Make(const TlsConfig& config, CertificateStore store,
                                   std::optional<TicketPage> tickets);

  TlsConfig config;
  CertificateStore store;
  std::optional<TicketPage> tickets;  // nullopt: no session tickets
  PriorityHandle priority;            // the client's order counts
  PriorityHandle own_order;           // the same, and ours counts
};

}  // namespace preforkd

#endif
