// ServiceEnvironment: what a service manager has put into our environment: where it wants to hear of us
// (sd_notify(3)), how often (sd_watchdog_enabled(3)), and the sockets it has opened for us
// (sd_listen_fds(3)).
//
// Taken once, before anything is forked, and wiped: a worker, a program that it runs, and whoever reads
// /proc/PID/environ must not find an address at which it could speak for the master.
#ifndef PREFORKD_MASTER_SYSTEM_SERVICE_ENVIRONMENT_H_
#define PREFORKD_MASTER_SYSTEM_SERVICE_ENVIRONMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/unique_fd.h"

namespace preforkd {

// A socket that was open when we were started, under the name that it has in FileDescriptorName=. Several may
// have one name. Close-on-exec from now on.
struct ActivationSocket {
  std::string name;
  UniqueFd fd;
};

struct ServiceEnvironment {
  std::string notify_socket;         // "/path" or "@abstract"; empty: nobody wants to hear
  std::optional<Duration> watchdog;  // somebody wants to hear within that time, again and again
  std::vector<ActivationSocket> sockets;
};

// What is not meant for this process (WATCHDOG_PID, LISTEN_PID) is left alone, but for the variables, which
// are wiped all the same. What makes no sense is logged and ignored.
ServiceEnvironment TakeServiceEnvironment();

}  // namespace preforkd

#endif
