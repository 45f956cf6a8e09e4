// KillPool: what a pool looks like to clients when all its processes are killed at once.
#ifndef PREFORKD_TESTS_SUPPORT_POOL_KILL_H_
#define PREFORKD_TESTS_SUPPORT_POOL_KILL_H_

#include <cstddef>
#include <string>

#include "tests/support/daemon_process.h"

namespace preforkd::testing {

// Kills the `size` processes of the pool, and waits until others are ready, `all` of all pools together.
// Fails the test if it has not as many, or gets none.
void KillPool(DaemonProcess& daemon, const std::string& pool, std::size_t size, std::size_t all);

}  // namespace preforkd::testing

#endif
