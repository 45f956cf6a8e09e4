// ControlSockets: owns the control socket in service, and during a reload the one of the new configuration.
#ifndef PREFORKD_MASTER_CONTROL_CONTROL_SOCKETS_H_
#define PREFORKD_MASTER_CONTROL_CONTROL_SOCKETS_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/config/config.h"
#include "common/event/event_loop.h"
#include "master/control/control_socket.h"
#include "master/upgrade/state/upgrade_state.h"

namespace preforkd {

class ControlSockets {
 public:
  // `is_worker`: whether a pid is a worker; sessions that it leads are refused.
  ControlSockets(EventLoop& loop, ControlHandler handler, std::function<bool(int)> is_worker);

  // Binds the socket of `config` if its path differs from the one in service, or if the file of that one was
  // removed. The server goes on without it if the default path cannot be bound (as without root) or the
  // removed file cannot be created again; both are logged. Error: a configured path cannot be bound.
  Status Prepare(const Config& config);
  // Commit(config) would close the socket and its clients.
  [[nodiscard]] bool Closes(const Config& config) const;
  // Puts `config` into service. Precondition: Prepare(config) succeeded. A socket that moves keeps its
  // clients.
  void Commit(const Config& config);
  // Drops what Prepare created.
  void Abandon() { coming_.reset(); }

  // ---- upgrade in place ----
  void Save(UpgradeState& state) const;
  // Returns the functions that reply to the clients that wait for the outcome of the upgrade.
  Result<std::vector<ControlAnswer>> Restore(const SavedControl& saved);

 private:
  Status Open(ControlEndpoint endpoint);

  EventLoop& loop_;
  ControlHandler handler_;
  std::function<bool(int)> is_worker_;
  std::unique_ptr<ControlSocket> serving_;
  std::optional<ControlEndpoint> coming_;
};

}  // namespace preforkd

#endif
