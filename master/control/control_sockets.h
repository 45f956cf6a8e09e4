// ControlSockets: the control socket in service, and the one that a coming configuration wants. Owns both.
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
  // `is_worker`: no session that such a process leads is the operator's.
  ControlSockets(EventLoop& loop, ControlHandler handler, std::function<bool(int)> is_worker);

  // Binds the socket that `config` wants, where it is not the one in service, or where that one's file has
  // been removed. Where the default path cannot be had, as without root, or a file not made again, the server
  // goes on without.
  Status Prepare(const Config& config);
  // Commit(config) would close the socket, with its clients.
  [[nodiscard]] bool Closes(const Config& config) const;
  // `config`, which was prepared, is in service from now on. A socket that moves keeps its clients.
  void Commit(const Config& config);
  // Drops what Prepare made.
  void Abandon() { coming_.reset(); }

  // ---- upgrade in place ----
  void Save(UpgradeState& state) const;
  // The answers to those who wait for the outcome.
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
