// ServiceManager: sends notifications to the service manager as datagrams (sd_notify(3)). policy/notices.h
// decides what is sent and when. Without an address it does nothing.
//
// Owns its socket. Only the master notifies: a worker closes the inherited socket, and the address is wiped
// (service_environment.h).
#ifndef PREFORKD_MASTER_SYSTEM_SERVICE_MANAGER_H_
#define PREFORKD_MASTER_SYSTEM_SERVICE_MANAGER_H_

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "common/base/unique_fd.h"
#include "common/event/event_loop.h"
#include "common/event/timer.h"
#include "common/net/address.h"
#include "common/structures/rate_limit.h"
#include "master/policy/notices.h"
#include "master/system/service_environment.h"

namespace preforkd {

class ServiceManager {
 public:
  // `read` is called before each watchdog notification.
  ServiceManager(EventLoop& loop, const ServiceEnvironment& environment,
                 std::function<Notices::Reading()> read);

  // The previous program of this process has sent READY=1 and RELOADING=1 (upgrade).
  void Restore() { notices_.Restore(); }

  // `status` is one line for the operator.
  void Serving(const std::string& status) { Say(notices_.Serving(status)); }
  void Reloading(const std::string& status) { Say(notices_.Reloading(status, Now())); }
  // The reload succeeded or was refused; `status` tells which.
  void ReloadEnded(const std::string& status) { Say(notices_.ReloadEnded(status)); }
  // Stopping gracefully until `deadline`; for an immediate stop, `deadline` is now.
  void Stopping(Time deadline) { Say(notices_.Stopping(deadline, Now())); }

 private:
  void OpenSocket(const std::string& name);
  void Tick();
  void Say(std::string text);
  // Sends pending notices in order until the manager's queue is full.
  void SendWaiting();

  Notices notices_;
  std::function<Notices::Reading()> read_;
  SocketAddress address_;
  UniqueFd socket_;                  // invalid: no service manager
  std::deque<std::string> waiting_;  // not sent yet
  bool told_of_withholding_ = false;
  OncePerSecond log_limit_;
  Timer tick_;
  Timer send_again_;
};

}  // namespace preforkd

#endif
