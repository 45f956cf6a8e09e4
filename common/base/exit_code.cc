#include "common/base/exit_code.h"

#include <fmt/core.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <string>

#include "common/text/quote.h"

namespace preforkd {

std::string ExitReport::Text() const {
  if (kind == ExitKind::kSignal) {
    const char* name = ::sigabbrev_np(code);
    const char* hint = code == SIGSYS ? ": a system call outside its sets (worker.seccomp)" : "";
    return fmt::format("signal {} ({}){}{}", code, name != nullptr ? name : "?",
                       dumped_core ? ", core dumped" : "", hint);
  }
  if (kind == ExitKind::kUnknown) return "how it ended is unknown";
  if (kind == ExitKind::kStartFailure) return fmt::format("exit status {} (could not start)", code);
  return fmt::format("exit status {}", code);
}

std::string ExitReport::Word() const {
  if (kind == ExitKind::kUnknown) return "unknown";
  if (kind != ExitKind::kSignal) return std::to_string(code);
  const char* name = ::sigabbrev_np(code);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal_{}", code);
}

ExitReport ReportOf(int code, int status) {
  if (code == CLD_KILLED || code == CLD_DUMPED) {
    return ExitReport{ExitKind::kSignal, status, code == CLD_DUMPED};
  }
  if (code != CLD_EXITED) return ExitReport::Unknown();
  ExitKind kind = ExitKind::kFailure;
  if (status == static_cast<int>(WorkerExit::kRetired)) kind = ExitKind::kClean;
  if (status == static_cast<int>(WorkerExit::kStartFailed)) kind = ExitKind::kStartFailure;
  return ExitReport{kind, status, false};
}

std::string WhyNotReady(const ExitReport& exit, std::string_view startup) {
  if (startup.empty()) return exit.Text();
  if (exit.kind == ExitKind::kStartFailure) return Escaped(startup);
  return fmt::format("{} {}", exit.Text(), Escaped(startup));
}

}  // namespace preforkd
