// Leftovers of the process that started the server. They survive exec(2) and would stay with the server: open
// descriptors and pending timers. (SignalWatch sets the signal mask.) Limits, nice value, umask, working
// directory, CPU affinity and terminal are the operator's choice and are kept.
#ifndef PREFORKD_MASTER_SYSTEM_LEFTOVERS_H_
#define PREFORKD_MASTER_SYSTEM_LEFTOVERS_H_

#include <cstddef>
#include <vector>

namespace preforkd {

// The open descriptors above standard error and the `passed` sockets of the service manager
// (sd_listen_fds(3)). They stay open for now, because the configuration file may be one of them (`-c
// /dev/fd/63`). Without /proc no file can be named like that, so they are closed at once and the result is
// empty.
std::vector<int> FindLeftOpen(std::size_t passed);
// Closes `fds` and logs them.
void CloseLeftOpen(const std::vector<int>& fds);

// Cancels pending alarm(2) and setitimer(2) timers: they would end the process.
void CancelTimers();

}  // namespace preforkd

#endif
