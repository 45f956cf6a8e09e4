// Commands by signal that come before the server can act on them: in its first moments, and while the program
// is replaced. They neither end the process nor get lost.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/program_shelf.h"
#include "tests/support/strace.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

constexpr const char* kStrace = "/usr/bin/strace";

std::vector<std::string> Flags() {
  return {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1", "--set", "workers_max=1"};
}

// A system call that the server makes once it has begun: the how manyth of its process, from 1.
struct Moment {
  std::string call;
  std::size_t index = 1;
};

// Its first call of all that a tracer can stop at: SIGCHLD gets its default. A sanitizer's runtime, which
// starts before main, makes calls of the same name; they are counted in a run of the same program that ends
// at once.
Moment FirstMoment() {
  const TempDirectory folder;
  const std::string record = folder.Path("strace.log");
  // Its exit code says nothing: LeakSanitizer does not work beside a tracer.
  (void)RunCommand({kStrace, "-o", record, "-e", "trace=rt_sigaction", RunfilePath(kPreforkd), "--version"});
  std::size_t index = 0;
  std::istringstream calls(ReadFile(record));
  for (std::string call; std::getline(calls, call);) {
    ++index;
    if (call.starts_with("rt_sigaction(SIGCHLD, {sa_handler=SIG_DFL")) return {"rt_sigaction", index};
  }
  FAIL("the server does not begin as this test thinks:\n", ReadFile(record));
  return {};
}

// The server is started by a tracer that sends it `signal` in the middle of a call. The tracer is a
// grandchild (-D), so the process is the server itself.
void StartWith(DaemonProcess& daemon, const std::string& signal, const Moment& moment) {
  daemon.LaunchBy({kStrace, "-D", "-o", daemon.Path("strace.log"), "-e", "trace=" + moment.call, "-e",
                   fmt::format("inject={}:signal={}:when={}", moment.call, signal, moment.index)});
  daemon.ExpectOrphans();  // the tracer ends a moment later
  daemon.Start(Flags());
}

// Lets it go on alone: LeakSanitizer, which looks when the server ends, does not work beside a tracer.
void EndTracing(const DaemonProcess& daemon) {
  const auto tracer = [&] { return std::atoi(StatusField(daemon.MasterPid(), "TracerPid").c_str()); };
  if (const pid_t pid = tracer(); pid > 0) ::kill(pid, SIGKILL);  // which detaches; strace hears nothing else
  CHECK(WaitUntil(kTimeout, [&] { return tracer() == 0; }));
}

bool CanTrace() {
  if (::access(kStrace, X_OK) == 0) return true;
  MESSAGE("skipped: strace is not there");
  return false;
}

}  // namespace

TEST_CASE("HUP, USR1, USR2, TTIN, TTOU in the first moments: it serves, and has done what could be done") {
  if (!CanTrace()) return;
  // The first of all; behind the configuration; and when the first workers are about to be forked.
  for (const Moment& moment : {FirstMoment(), Moment{"epoll_create1"}, Moment{"bind"}}) {
    for (const char* signal : {"HUP", "USR1", "USR2", "TTIN", "TTOU"}) {
      CAPTURE(moment.call);
      CAPTURE(std::string(signal));
      DaemonProcess daemon;
      daemon.ExpectLine("upgrade refused");
      StartWith(daemon, signal, moment);
      CHECK(daemon.WaitForLog("serving: generation"));
      CHECK(daemon.WaitForLog(fmt::format("SIG{} from pid", signal)));
      if (std::string(signal) == "HUP") CHECK(daemon.WaitForLog("generation 2 serves"));
      if (std::string(signal) == "USR2")
        CHECK(daemon.WaitForLog("upgrade refused: the server does not serve yet"));
      EndTracing(daemon);
      daemon.Signal(SIGTERM);
      CHECK(daemon.Wait() == 0);
    }
  }
}

TEST_CASE("TERM in the first moments still ends it") {
  if (!CanTrace()) return;
  DaemonProcess daemon;
  daemon.ExpectExit(128 + SIGTERM);
  StartWith(daemon, "TERM", {"epoll_create1"});
  CHECK(daemon.Wait() == 128 + SIGTERM);
}

TEST_CASE("signals while the program is replaced are heard by the new one") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.Serve(1, Flags());
  {
    const Strace slow(daemon.MasterPid(), {"-e", "trace=execve", "-e", "inject=execve:delay_enter=500000"},
                      daemon.Path("strace.log"));
    if (!slow.Attached()) {
      MESSAGE("skipped: strace is not there, or may not trace");
      return;
    }
    daemon.Signal(SIGUSR2);
    REQUIRE(daemon.WaitForLog("makes room for"));
    for (const int signo : {SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN}) daemon.Signal(signo);
    CHECK(daemon.WaitForLog("has taken over from version"));
  }
  for (const char* name : {"SIGHUP", "SIGUSR1", "SIGTTIN"})
    CHECK(daemon.WaitForLog(fmt::format("{} from pid", name)));
  CHECK(daemon.WaitForLog("SIGUSR2 from pid", 2));
  CHECK(daemon.WaitForLog("generation 2 serves"));
  CHECK(daemon.WaitForLog("has taken over from version", 2));  // the second upgrade
  CHECK(daemon.WaitForLog("serves, version", 2));
  daemon.IgnoreDescriptors();
}

TEST_CASE("a worker that is sent everything from its first moment on") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags());
  for (int round = 0; round < 5; ++round) {
    const std::size_t started = daemon.CountLog("started, pid");
    daemon.Signal(SIGHUP);
    const bool served = WaitUntil(kTimeout, [&] {
      for (const pid_t worker : daemon.WorkerPids()) {
        for (const int signo : {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGTTIN, SIGTTOU})
          ::kill(worker, signo);
      }
      return daemon.CountLog("started, pid") > started &&
             daemon.CountLog(fmt::format("generation {} serves", round + 2)) > 0;
    });
    CHECK(served);
  }
  CHECK(daemon.CountLog("died while") == 0);
  REQUIRE(daemon.AwaitWorkers(1));
}

}  // namespace preforkd::testing
