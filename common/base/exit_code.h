// Exit statuses of our processes, and how a worker ended.
//
// The master's codes are documented for users (preforkd(8)). The worker's are between master and worker.
#ifndef PREFORKD_COMMON_BASE_EXIT_CODE_H_
#define PREFORKD_COMMON_BASE_EXIT_CODE_H_

#include <string>
#include <string_view>

namespace preforkd {

enum class ExitCode : int {
  kStopped = 0,        // stopped as asked
  kUsage = 64,         // wrong flags
  kUnavailable = 69,   // no worker of the first generation became ready
  kSoftware = 70,      // a bug of ours
  kOsError = 71,       // a system call was refused: bind, fork, out of memory
  kNoPermission = 77,  // privileges missing
  kConfig = 78,        // the configuration is wrong
};

enum class WorkerExit : int {
  kRetired = 0,       // was told to retire, and finished
  kStartFailed = 10,  // did not become ready; the log says why
  kLoopFailed = 11,   // the event loop failed
  kBadMaster = 12,    // the channel delivered something that no master sends
  kException = 13,    // a service threw an exception
};

enum class ExitKind {
  kClean,         // WorkerExit::kRetired
  kStartFailure,  // WorkerExit::kStartFailed
  kFailure,       // any other exit status
  kSignal,        // killed by a signal
  kUnknown,       // ended, but another process (a debugger) has reaped its status
};

// How one worker ended, from its wait status.
struct ExitReport {
  ExitKind kind = ExitKind::kClean;
  int code = 0;  // exit status, or signal number
  bool dumped_core = false;

  static ExitReport Unknown() { return {ExitKind::kUnknown, 0, false}; }
  // "signal 11 (SEGV), core dumped", "exit status 3", "how it ended is unknown".
  [[nodiscard]] std::string Text() const;
  // One word, for a field of a log line: "SIGSEGV", "3", "unknown".
  [[nodiscard]] std::string Word() const;
};

// `code` and `status`: si_code and si_status as waitid(2) fills them for WEXITED; 0 if waitid reported
// nothing.
ExitReport ReportOf(int code, int status);

// Why a worker that ended before it was ready did not become ready, in one line. `startup`: what its row says
// (WorkerRow::startup), from a process that is not trusted.
std::string WhyNotReady(const ExitReport& exit, std::string_view startup);

}  // namespace preforkd

#endif
