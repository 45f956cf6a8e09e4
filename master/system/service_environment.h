// ServiceEnvironment: what the service manager put into the environment: the notification socket
// (sd_notify(3)), the watchdog interval (sd_watchdog_enabled(3)) and the passed sockets (sd_listen_fds(3)).
//
// Read once, before any fork, and then wiped: no worker, no program that a worker runs and no reader of
// /proc/PID/environ may find an address at which it could speak for the master.
#ifndef PREFORKD_MASTER_SYSTEM_SERVICE_ENVIRONMENT_H_
#define PREFORKD_MASTER_SYSTEM_SERVICE_ENVIRONMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// A socket passed by the service manager. `name` is its FileDescriptorName=; several sockets may have the
// same name. Close-on-exec is set.
struct ActivationSocket {
  std::string name;
  UniqueFd fd;
};

struct ServiceEnvironment {
  std::string notify_socket;         // "/path" or "@abstract"; empty: no notifications
  std::optional<Duration> watchdog;  // maximum time between two notifications; nullopt: no watchdog
  std::vector<ActivationSocket> sockets;
};

// Variables meant for another process (WATCHDOG_PID, LISTEN_PID) are ignored, but wiped as well. Invalid
// values are logged and ignored.
ServiceEnvironment TakeServiceEnvironment();

}  // namespace preforkd

#endif
