// Leftovers of whoever started the server, which live on through an exec(2) and would be the server's for
// good: descriptors that nobody closed, and an alarm that nobody cancelled. (Signals that are blocked or
// ignored: SignalWatch sets the mask, and what is blocked is not ignored.) Limits, nice value, umask, working
// folder, affinity and terminal are the operator's choice, and stay.
#ifndef PREFORKD_MASTER_SYSTEM_LEFTOVERS_H_
#define PREFORKD_MASTER_SYSTEM_LEFTOVERS_H_

#include <cstddef>
#include <vector>

namespace preforkd {

// Descriptors that are open now, behind standard error and `passed` sockets of a service manager
// (sd_listen_fds(3)). Not closed yet: the configuration may be one of them (`-c /dev/fd/63`). Where there is
// no /proc, nothing can be named so, and they are closed at once: none is left.
std::vector<int> FindLeftOpen(std::size_t passed);
// Closes them; the log names them.
void CloseLeftOpen(const std::vector<int>& fds);

// An alarm(2) or setitimer(2) of before would end the process.
void CancelTimers();

}  // namespace preforkd

#endif
