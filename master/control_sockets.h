// ControlSockets: the control socket in service, and the one that a coming configuration wants. Owns both.
#ifndef PREFORKD_MASTER_CONTROL_SOCKETS_H_
#define PREFORKD_MASTER_CONTROL_SOCKETS_H_

#include <functional>
#include <memory>
#include <vector>

#include "common/config/config.h"
#include "common/event/event_loop.h"
#include "master/control/control_socket.h"
#include "master/upgrade/upgrade_state.h"

namespace preforkd {

class ControlSockets {
 public:
  // `is_worker`: no session that such a process leads is the operator's.
  ControlSockets(EventLoop& loop, ControlHandler handler, std::function<bool(int)> is_worker);

  // Opens the socket that `config` wants, where it is not the one in service. Where the default path cannot
  // be had, as without root, the server goes on without one.
  Status Prepare(const Config& config);
  // `config`, which was prepared, is in service from now on. Closes the socket before it, with its clients.
  void Commit(const Config& config);
  // Drops what Prepare made.
  void Abandon() { coming_.reset(); }

  // ---- upgrade in place ----
  void Save(UpgradeState& state) const;
  // The answers to those who wait for the outcome.
  Result<std::vector<ControlAnswer>> Restore(const InheritedControl& saved);

 private:
  EventLoop& loop_;
  ControlHandler handler_;
  std::function<bool(int)> is_worker_;
  std::unique_ptr<ControlSocket> serving_;
  std::unique_ptr<ControlSocket> coming_;
};

}  // namespace preforkd

#endif
