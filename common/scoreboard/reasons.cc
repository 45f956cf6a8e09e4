#include "common/scoreboard/reasons.h"

#include <algorithm>
#include <cstring>

namespace preforkd {

// Each accepts any value: it may come from shared memory.

const char* LossReasonName(LossReason reason) {
  switch (reason) {
    case LossReason::kCrash: return "crash";
    case LossReason::kHang: return "hang";
    case LossReason::kDrain: return "drain";
    case LossReason::kStopped: return "stopped";
    case LossReason::kException: return "exception";
    case LossReason::kRefused: return "refused";
  }
  return "unknown";
}

const char* RestartReasonName(RestartReason reason) {
  switch (reason) {
    case RestartReason::kCrash: return "crash";
    case RestartReason::kExit: return "exit";
    case RestartReason::kHang: return "hang";
    case RestartReason::kStart: return "start";
    case RestartReason::kDrain: return "drain";
    case RestartReason::kUntrusted: return "untrusted";
    case RestartReason::kUnknown: return "no_status";
  }
  return "unknown";
}

const char* HandOverReasonName(HandOverReason reason) {
  switch (reason) {
    case HandOverReason::kAccepted: return "accepted";
    case HandOverReason::kReturned: return "returned";
    case HandOverReason::kReclaimed: return "reclaimed";
  }
  return "unknown";
}

const char* ReloadResultName(ReloadResult result) {
  switch (result) {
    case ReloadResult::kServes: return "serves";
    case ReloadResult::kRefused: return "refused";
    case ReloadResult::kAbandoned: return "abandoned";
  }
  return "unknown";
}

const char* UpgradeResultName(UpgradeResult result) {
  switch (result) {
    case UpgradeResult::kServes: return "serves";
    case UpgradeResult::kRefused: return "refused";
    case UpgradeResult::kReturned: return "returned";
    case UpgradeResult::kAbandoned: return "abandoned";
  }
  return "unknown";
}

AcceptErrno AcceptErrnoOf(int errnum) {
  const auto* const found = std::find(kAcceptErrnos.begin(), kAcceptErrnos.end(), errnum);
  return static_cast<AcceptErrno>(found - kAcceptErrnos.begin());
}

const char* AcceptErrnoName(AcceptErrno kind) {
  const auto index = static_cast<std::size_t>(kind);
  return index < kAcceptErrnos.size() ? ::strerrorname_np(kAcceptErrnos[index]) : "other";
}

}  // namespace preforkd
