// WayBack: while a new program takes over it can still become the old one again: its file is open, and the
// state that it left is untouched. Taken when the new one finds that it cannot go on, when it crashes, and
// when it takes too long.
//
// The old program that comes back has a way back too, to itself: what fails for want of memory, of
// descriptors or of anything else that may be there a moment later is tried once more, from the beginning. So
// every failure between Open and Close, on both ways, ends in a program that serves, or in the last of many
// attempts.
//
// It ends where the first thing is done that the old program would not know of (Close): a worker forked, a
// connection given to somebody. One a process; master only.
#ifndef PREFORKD_MASTER_UPGRADE_WAY_BACK_H_
#define PREFORKD_MASTER_UPGRADE_WAY_BACK_H_

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "master/upgrade/upgrade_order.h"

namespace preforkd {

class WayBack {
 public:
  // From Open to Close.
  static constexpr int kTimeoutSeconds = 8;
  // Of an old program to come back: about a minute, with the pauses between them.
  static constexpr int kAttempts = 60;
  static constexpr int kChoosyAttempts = 4;

  // `order` continues (UpgradeOrder). Its descriptors stay open, and are not close-on-exec, until Close.
  // Signals that mean a crash, and SIGALRM, are caught from now on; all others are blocked already
  // (ReplaceProgram, and this itself).
  static void Open(const UpgradeOrder& order, const std::vector<std::string>& words);
  // Becomes the old program; ends the process if that cannot be, which is an alert. `reason` is one line, for
  // the log, and from a new program for whoever waits.
  [[noreturn]] static void Take(const std::string& reason);
  // What could be done without is still worth another attempt; later it is not, because nobody is served
  // meanwhile.
  [[nodiscard]] static bool MayBeChoosy();
  // There is no return any more: faults are what they were. No effect when none was open.
  static void Close();
};

}  // namespace preforkd

#endif
