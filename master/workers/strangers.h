// Children that nobody here forked: orphans of the whole container when the server is its first process, and what a
// script left behind that became the server by exec. Unless they are waited for they stay as zombies.
#ifndef PREFORKD_MASTER_WORKERS_STRANGERS_H_
#define PREFORKD_MASTER_WORKERS_STRANGERS_H_

#include <sys/types.h>

#include <optional>

namespace preforkd {

// A child that has ended and has not been waited for, ours or a stranger; nullopt when there is none. Asks only.
std::optional<pid_t> EndedChild();
// Waits for it, which must have ended.
void BuryStranger(pid_t pid);

}  // namespace preforkd

#endif
