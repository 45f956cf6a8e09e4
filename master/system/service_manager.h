// ServiceManager: speaks to whoever started us, in datagrams, sd_notify(3). What is said and when,
// policy/notices.h decides; here it is sent. Without an address it does nothing.
//
// Owns its socket. Only the master may speak: a worker closes the socket with everything else that it
// inherits, and does not find the address (service_environment.h).
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
  // `read` is asked before the watchdog is answered.
  ServiceManager(EventLoop& loop, const ServiceEnvironment& environment,
                 std::function<Notices::Reading()> read);

  // This process has said READY=1 and then Reloading already, as another program.
  void Restore() { notices_.Restore(); }

  // `status` is one line for people.
  void Serving(const std::string& status) { Say(notices_.Serving(status)); }
  void Reloading(const std::string& status) { Say(notices_.Reloading(status, Now())); }
  // Done or refused; `status` says which.
  void ReloadEnded(const std::string& status) { Say(notices_.ReloadEnded(status)); }
  // Gracefully, until `deadline`; or at once, which is a deadline that is now.
  void Stopping(Time deadline) { Say(notices_.Stopping(deadline, Now())); }

 private:
  void OpenSocket(const std::string& name);
  void Tick();
  void Say(std::string text);
  // Sends what waits, in order, until the manager's queue is full.
  void SendWaiting();

  Notices notices_;
  std::function<Notices::Reading()> read_;
  SocketAddress address_;
  UniqueFd socket_;                  // invalid: nobody listens
  std::deque<std::string> waiting_;  // said, and not yet sent
  bool told_of_withholding_ = false;
  OncePerSecond log_limit_;
  Timer tick_;
  Timer send_again_;
};

}  // namespace preforkd

#endif
