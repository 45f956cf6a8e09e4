// RunPeer: runs a function in a forked process with a deadline. For what would change the test process for
// good (limits, descriptors by number) or end it.
//
// The child ends by _exit, so that no destructor of the test runs twice. Do not assert in it; return a code.
#ifndef PREFORKD_TESTS_SUPPORT_FORK_PEER_H_
#define PREFORKD_TESTS_SUPPORT_FORK_PEER_H_

#include <functional>
#include <string>

#include "common/base/clock.h"

namespace preforkd::testing {

// The exit status of a peer. A test may use further numbers from kFirstOwn on.
enum class PeerExit : int {
  kOk = 0,
  kThrew = 101,
  kKilled = 102,   // a signal ended it
  kTooLate = 103,  // it was killed at the deadline
  kFirstOwn = 1,
};

struct PeerResult {
  int code = 0;    // what the function returned, or a PeerExit
  int signal = 0;  // with kKilled
  [[nodiscard]] bool Ok() const { return code == static_cast<int>(PeerExit::kOk); }
  [[nodiscard]] std::string Text() const;
};

PeerResult RunPeer(const std::function<int()>& body, Duration deadline = std::chrono::seconds(10));

}  // namespace preforkd::testing

#endif
