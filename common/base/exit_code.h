// What a process of ours says by its exit status, and what the end of a worker means.
//
// The master's codes are a contract with users (README); the worker's are between us.
#ifndef PREFORKD_COMMON_BASE_EXIT_CODE_H_
#define PREFORKD_COMMON_BASE_EXIT_CODE_H_

#include <string>

namespace preforkd {

enum class ExitCode : int {
  kStopped = 0,        // stopped as asked
  kUsage = 64,         // wrong flags
  kUnavailable = 69,   // no worker of the first generation became ready
  kSoftware = 70,      // a bug of ours
  kOsError = 71,       // the system refused: bind, fork, memory
  kNoPermission = 77,  // privileges missing
  kConfig = 78,        // configuration wrong
};

enum class WorkerExit : int {
  kRetired = 0,       // asked to leave, and left
  kStartFailed = 10,  // could not become ready; the log says why
  kLoopFailed = 11,   // the event loop broke
  kBadMaster = 12,    // the channel brought what no master sends
  kException = 13,    // a service let an exception out
};

enum class ExitKind {
  kClean,         // WorkerExit::kRetired
  kStartFailure,  // said so itself
  kFailure,       // any other exit status
  kSignal,        // killed by a signal
  kUnknown,       // it is gone, and somebody else (a debugger) has taken its status
};

// One end of one worker, from its wait status.
struct ExitReport {
  ExitKind kind = ExitKind::kClean;
  int code = 0;  // exit status, or signal number
  bool dumped_core = false;

  static ExitReport Unknown() { return {ExitKind::kUnknown, 0, false}; }
  // "signal 11 (SEGV), core dumped", "exit status 3", "how it ended is unknown".
  [[nodiscard]] std::string Text() const;
  // The same in one word, for a field of a log line: "SIGSEGV", "3", "unknown".
  [[nodiscard]] std::string Word() const;
};

// `code` and `status`: si_code and si_status as waitid(2) fills them for WEXITED; 0 where it had nothing to
// fill in.
ExitReport ReportOf(int code, int status);

}  // namespace preforkd

#endif
