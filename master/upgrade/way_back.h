// WayBack: lets a new program return to the old one while it takes over. The old program's file is kept open,
// and the saved state is not modified. Used when the new program finds an error, crashes, or exceeds
// kTimeoutSeconds.
//
// An old program that resumes has a way back too, to itself: a failure for lack of memory or descriptors is
// retried from the beginning, up to kAttempts times. So every failure between Open and Close ends in a
// program that serves, or in an exit after the last attempt.
//
// It must be closed before the first step that the old program could not know of: a fork of a worker, or a
// connection handed to one. One per process; master only.
#ifndef PREFORKD_MASTER_UPGRADE_WAY_BACK_H_
#define PREFORKD_MASTER_UPGRADE_WAY_BACK_H_

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "master/upgrade/upgrade_order.h"

namespace preforkd {

class WayBack {
 public:
  // Maximum time from Open to Close.
  static constexpr int kTimeoutSeconds = 8;
  // Attempts of an old program to resume: about a minute, including the pauses.
  static constexpr int kAttempts = 60;
  static constexpr int kChoosyAttempts = 4;

  // Precondition: order.Restores(). The descriptors of `order` stay open, and are not close-on-exec, until
  // Close. From now on signals that mean a crash, and SIGALRM, are caught; all others are blocked already, by
  // ReplaceProgram or by the way back itself.
  static void Open(const UpgradeOrder& order, const std::vector<std::string>& words);
  // Executes the old program. If that is impossible, logs an alert and exits the process. `reason` is one
  // line for the log; the reason of a new program is also reported to the waiting requests.
  [[noreturn]] static void Take(const std::string& reason);
  // True during the first kChoosyAttempts attempts: then even the failure of an optional part is worth a
  // retry. Later it is not, because no client is served meanwhile.
  [[nodiscard]] static bool MayBeChoosy();
  // Ends the way back: restores the signal actions and closes the descriptors. No effect if none is open.
  static void Close();
};

}  // namespace preforkd

#endif
