// The server as the first process of a container: it reaps orphans, and SIGTERM stops it gracefully. (The
// kernel drops SIGTERM for a first process that has no handler for it.)
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kEcho = {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"};

bool CanUnshare() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::unshare(CLONE_NEWPID | CLONE_NEWNS) == 0 ? 0 : 1);
  int status = -1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

// Zombies and others whose parent is `pid`.
std::size_t Children(pid_t pid) { return ChildrenOf(pid).size(); }

}  // namespace

TEST_CASE("children of the script that executed the server are reaped") {
  DaemonProcess daemon;
  // Three end before the server can know of them, one while it serves.
  const std::string script = daemon.Path("script.log");
  WriteFile(script, "true & true & true & sleep 1000 & exec \"$@\"\n");
  daemon.LaunchBy({"/bin/sh", script});
  daemon.Serve(2, kEcho);
  REQUIRE(WaitUntil(kTimeout, [&] { return Children(daemon.MasterPid()) == 3; }));
  daemon.Signal(SIGTTIN);
  REQUIRE(daemon.WaitForEvent("worker_ready", 3));
  for (const pid_t child : ChildrenOf(daemon.MasterPid())) {
    if (StatusField(child, "Name") == "sleep") ::kill(child, SIGKILL);
  }
  CHECK(WaitUntil(kTimeout, [&] { return Children(daemon.MasterPid()) == 3; }));
  daemon.Signal(SIGTTOU);
  CHECK(WaitUntil(kTimeout, [&] { return Children(daemon.MasterPid()) == 2; }));
}

TEST_CASE("workers that are killed among other children are replaced") {
  DaemonProcess daemon;
  const std::string script = daemon.Path("script.log");
  WriteFile(script, "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; exec \"$@\"\n");
  daemon.LaunchBy({"/bin/sh", script});
  daemon.Serve(2, kEcho);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  std::vector<pid_t> all = ChildrenOf(daemon.MasterPid());
  REQUIRE(all.size() == 11);
  for (const pid_t child : all) ::kill(child, SIGKILL);
  REQUIRE(daemon.WaitForEvent("worker_ready", 4));
  CHECK(WaitUntil(kTimeout, [&] { return Children(daemon.MasterPid()) == 2; }));
  CHECK(daemon.AwaitEvents("worker_exited state=ready exit=SIGKILL", 2) == 2);
}

TEST_CASE(
    "as the first process of a container: orphans are reaped, SIGTERM finishes the request in progress") {
  if (::geteuid() != 0 || !CanUnshare()) {
    MESSAGE("skipped: no namespaces here");
    return;
  }
  DaemonProcess outside(kPreforkdWithFaults);  // it is unshare(1), which waits for the first process inside
  outside.LaunchBy({"/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child"});
  outside.Start({"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2"});
  REQUIRE(outside.WaitForEvent("serving"));
  CHECK(outside.AwaitEvents("serving role=master pid=1", 1) == 1);
  REQUIRE(Children(outside.MasterPid()) == 1);
  const pid_t first = ChildrenOf(outside.MasterPid()).at(0);
  REQUIRE(WaitUntil(kTimeout, [&] { return Children(first) == 2; }));

  // An orphan: its parent inside has ended, so it becomes a child of the first process.
  REQUIRE(std::system(
              ("nsenter --pid --target " + std::to_string(first) + " sh -c 'sleep 1000 & :'").c_str()) == 0);
  REQUIRE(WaitUntil(kTimeout, [&] { return Children(first) == 3; }));
  for (const pid_t child : ChildrenOf(first)) {
    if (StatusField(child, "Name") == "sleep") ::kill(child, SIGKILL);
  }
  CHECK(WaitUntil(kTimeout, [&] { return Children(first) == 2; }));

  TcpClient busy(outside.Address());
  REQUIRE(busy.SendAll("pid\nsleep 300\n"));
  REQUIRE(busy.ReadUntil("\n"));
  REQUIRE(std::system(("nsenter --pid --target " + std::to_string(first) + " kill -TERM 1").c_str()) == 0);
  CHECK(busy.ReadToEnd() == "done\n");
  CHECK(outside.Wait() == 0);
  CHECK(outside.AwaitEvents("stopped accepted=1 lost=0", 1) == 1);
}

}  // namespace preforkd::testing
