// Commands by signal that come before the server can act on them: right after its start, and while the
// program is replaced. They neither end the process nor get lost.
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

// A system call at the start of the server: the index-th of this name, counted from 1.
struct Moment {
  std::string call;
  std::size_t index = 1;
};

// The server's first call that a tracer can stop at: it sets SIGCHLD to its default. A sanitizer's runtime
// makes calls of the same name before main; a run of the same program that ends at once tells how many.
Moment FirstMoment() {
  const TempDirectory folder;
  const std::string record = folder.Path("strace.log");
  // Its exit code means nothing: LeakSanitizer does not work under a tracer.
  (void)RunCommand({kStrace, "-o", record, "-e", "trace=rt_sigaction", RunfilePath(kPreforkd), "--version"});
  std::size_t index = 0;
  std::istringstream calls(ReadFile(record));
  for (std::string call; std::getline(calls, call);) {
    ++index;
    if (call.starts_with("rt_sigaction(SIGCHLD, {sa_handler=SIG_DFL")) return {"rt_sigaction", index};
  }
  FAIL("the server does not begin as this test expects:\n", ReadFile(record));
  return {};
}

// Starts the server under a tracer that sends it `signal` in the middle of a call. The tracer is a grandchild
// (-D), so the process is the server itself.
void StartWith(DaemonProcess& daemon, const std::string& signal, const Moment& moment) {
  daemon.LaunchBy({kStrace, "-D", "-o", daemon.Path("strace.log"), "-e", "trace=" + moment.call, "-e",
                   fmt::format("inject={}:signal={}:when={}", moment.call, signal, moment.index)});
  daemon.ExpectOrphans();  // the tracer ends a moment later
  daemon.Start(Flags());
}

// Ends the tracer: LeakSanitizer, which runs when the server ends, does not work under one.
void EndTracing(const DaemonProcess& daemon) {
  const auto tracer = [&] { return std::atoi(StatusField(daemon.MasterPid(), "TracerPid").c_str()); };
  if (const pid_t pid = tracer(); pid > 0)
    ::kill(pid, SIGKILL);  // detaches; strace reacts to no other signal
  CHECK(WaitUntil(kTimeout, [&] { return tracer() == 0; }));
}

bool CanTrace() {
  if (::access(kStrace, X_OK) == 0) return true;
  MESSAGE("skipped: strace is not installed");
  return false;
}

}  // namespace

TEST_CASE("HUP, USR1, USR2, TTIN, TTOU right after the start: the server serves and obeys where it can") {
  if (!CanTrace()) return;
  // The first call; after the configuration was read; and before the first workers are forked.
  for (const Moment& moment : {FirstMoment(), Moment{"epoll_create1"}, Moment{"bind"}}) {
    for (const char* signal : {"HUP", "USR1", "USR2", "TTIN", "TTOU"}) {
      CAPTURE(moment.call);
      CAPTURE(std::string(signal));
      DaemonProcess daemon;
      StartWith(daemon, signal, moment);
      CHECK(daemon.WaitForEvent("serving"));
      CHECK(daemon.WaitForEvent(fmt::format("signal signal={}", signal)));
      if (std::string(signal) == "HUP") CHECK(daemon.WaitForEvent("reload_done generation=2"));
      if (std::string(signal) == "USR2") CHECK(daemon.WaitForEvent("upgrade_refused cause=not_serving"));
      EndTracing(daemon);
      daemon.Signal(SIGTERM);
      CHECK(daemon.Wait() == 0);
    }
  }
}

TEST_CASE("TERM right after the start ends the server") {
  if (!CanTrace()) return;
  DaemonProcess daemon;
  daemon.ExpectExit(128 + SIGTERM);
  StartWith(daemon, "TERM", {"epoll_create1"});
  CHECK(daemon.Wait() == 128 + SIGTERM);
}

TEST_CASE("signals that arrive while the program is replaced reach the new one") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.Serve(1, Flags());
  {
    const Strace slow(daemon.MasterPid(), {"-e", "trace=execve", "-e", "inject=execve:delay_enter=500000"},
                      daemon.Path("strace.log"));
    if (!slow.Attached()) {
      MESSAGE("skipped: strace is not installed or may not trace");
      return;
    }
    daemon.Signal(SIGUSR2);
    REQUIRE(daemon.WaitForEvent("upgrade_exec"));
    for (const int signo : {SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN}) daemon.Signal(signo);
    CHECK(daemon.WaitForEvent("upgrade_resumed"));
  }
  for (const char* name : {"HUP", "USR1", "TTIN"})
    CHECK(daemon.WaitForEvent(fmt::format("signal signal={}", name)));
  CHECK(daemon.WaitForEvent("signal signal=USR2", 2));
  CHECK(daemon.WaitForEvent("upgrade_done generation=2"));
  CHECK(daemon.WaitForEvent("upgrade_resumed", 2));  // the second upgrade
  CHECK(daemon.WaitForEvent("upgrade_done", 2));
  daemon.IgnoreDescriptors();
}

TEST_CASE("a worker that gets every signal right after its start") {
  DaemonProcess daemon;
  daemon.Serve(1, Flags());
  for (int round = 0; round < 5; ++round) {
    const std::size_t started = daemon.CountEvents("worker_started");
    daemon.Signal(SIGHUP);
    const bool served = WaitUntil(kTimeout, [&] {
      for (const pid_t worker : daemon.WorkerPids()) {
        for (const int signo : {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGTTIN, SIGTTOU})
          ::kill(worker, signo);
      }
      return daemon.CountEvents("worker_started") > started &&
             daemon.CountEvents(fmt::format("reload_done generation={}", round + 2)) > 0;
    });
    CHECK(served);
  }
  CHECK(daemon.CountEvents("worker_exited") == 0);
  REQUIRE(daemon.AwaitWorkers(1));
}

}  // namespace preforkd::testing
