// WayBack: while a new program takes over it can still become the old one again: its file is open, and the state that it
// left is untouched. Taken when the new one finds that it cannot go on, when it crashes, and when it takes too long.
//
// That ends where the first thing is done that the old program would not know of (Close): a worker forked, a connection
// given to somebody. One a process; master only.
#ifndef PREFORKD_MASTER_UPGRADE_WAY_BACK_H_
#define PREFORKD_MASTER_UPGRADE_WAY_BACK_H_

#include <string>
#include <vector>

#include "common/base/clock.h"

namespace preforkd {

class WayBack {
 public:
  // From Open to Close.
  static constexpr int kPatienceSeconds = 8;

  // Takes `old_program` and `state`, descriptors that stay open, and are not close-on-exec, until Close. Signals that mean
  // a crash, and SIGALRM, are caught from now on; all others are blocked already (ReplaceProgram).
  static void Open(int old_program, int state, const std::vector<std::string>& words);
  // Returns to the old program, or ends this one if there is no way back. `reason` is one line, for its log and for whoever waits.
  [[noreturn]] static void Take(const std::string& reason);
  // There is no return any more: faults are what they were. No effect when none was open.
  static void Close();
};

}  // namespace preforkd

#endif
