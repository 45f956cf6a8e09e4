// Exit reports, from real children and real wait statuses.
#include "common/base/exit_code.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

namespace preforkd::testing {
namespace {

ExitReport ReportAfter(const std::function<void()>& last_deed) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    last_deed();
    ::_exit(99);
  }
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) == 0);
  return ReportOf(info.si_code, info.si_status);
}

// The handlers that a sanitizer or doctest has put there would turn it into an exit.
void CrashBy(int signo) {
  ::signal(signo, SIG_DFL);
  ::raise(signo);
}

}  // namespace

TEST_CASE("exit statuses") {
  struct Case {
    int status;
    ExitKind kind;
    const char* text;
  };
  for (const Case& c :
       {Case{0, ExitKind::kClean, "exit status 0"},
        Case{10, ExitKind::kStartFailure, "exit status 10 (could not start)"},
        Case{11, ExitKind::kFailure, "exit status 11"}, Case{1, ExitKind::kFailure, "exit status 1"},
        Case{255, ExitKind::kFailure, "exit status 255"}}) {
    const ExitReport report = ReportAfter([&] { ::_exit(c.status); });
    CHECK(report.kind == c.kind);
    CHECK(report.code == c.status);
    CHECK(report.Text() == c.text);
  }
}

TEST_CASE("signals, by number and name") {
  for (const int signo : {SIGKILL, SIGTERM}) {
    const ExitReport report = ReportAfter([&] { CrashBy(signo); });
    CHECK(report.kind == ExitKind::kSignal);
    CHECK(report.code == signo);
    CHECK_FALSE(report.dumped_core);
  }
  CHECK(ReportAfter([] { CrashBy(SIGSEGV); }).Text() == "signal 11 (SEGV)");
  CHECK(ReportOf(CLD_DUMPED, SIGABRT).Text() == "signal 6 (ABRT), core dumped");
  CHECK(ReportOf(CLD_KILLED, 64).Text() == "signal 64 (?)");
}

TEST_CASE("an unfilled result of waitid(2) is neither an exit nor a signal") {
  for (const ExitReport& report : {ReportOf(0, 0), ReportOf(CLD_STOPPED, SIGSTOP), ExitReport::Unknown()}) {
    CHECK(report.kind == ExitKind::kUnknown);
    CHECK(report.Text() == "how it ended is unknown");
  }
}

}  // namespace preforkd::testing
