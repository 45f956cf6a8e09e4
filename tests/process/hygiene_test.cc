// The state of a worker process: its descriptors, signals and privileges, and that it ends with its master.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using Kinds = std::map<std::string, int>;

const std::vector<std::string> kFlags = {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"};

#ifndef PREFORKD_SANITIZED
// Signals with a crash report (worker/process/crash_report.h), and SIGSYS for a call that the filter refuses
// (worker/process/call_filter.h), ascending.
const std::vector<int> kCaught = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
#endif

// The descriptors of a worker; its own statm file, whose path has the pid, is named "statm".
Kinds KindsOf(pid_t worker) {
  Kinds kinds = FdSnapshot::Of(worker).Kinds();
  auto statm = kinds.extract(fmt::format("/proc/{}/statm", worker));
  REQUIRE_FALSE(statm.empty());
  statm.key() = "statm";
  kinds.insert(std::move(statm));
  return kinds;
}

// For messages that show both values.
std::string Text(const std::vector<int>& signals) { return fmt::format("{}", fmt::join(signals, " ")); }

}  // namespace

TEST_CASE("a worker has its own descriptors and no other") {
  for (const bool log_file : {false, true}) {
    CAPTURE(log_file);
    DaemonProcess daemon;
    std::vector<std::string> flags = kFlags;
    if (log_file) flags.insert(flags.end(), {"--log-file", daemon.Path("server.log")});
    daemon.Serve(2, flags);
    for (const pid_t worker : daemon.WorkerPids()) {
      const FdSnapshot snapshot = FdSnapshot::Of(worker);
      const std::map<int, std::string>& fds = snapshot.Targets();
      CHECK(fds.at(0) == "/dev/null");
      CHECK(fds.at(1) == daemon.Path("stdout"));
      CHECK(fds.at(2) == daemon.Path("stderr"));
      CHECK(fds.at(3).starts_with("socket:"));
      if (log_file) CHECK(fds.at(4) == daemon.Path("server.log"));
      Kinds expected = {{"/dev/null", 1}, {daemon.Path("stdout"), 1},    {daemon.Path("stderr"), 1},
                        {"socket", 1},    {"anon_inode:[eventpoll]", 1}, {"anon_inode:[signalfd]", 1},
                        {"statm", 1}};
      if (log_file) expected[daemon.Path("server.log")] = 1;
      // libevent may keep a timerfd and a pipe to wake itself; no descriptor of the master looks like these.
      Kinds found = KindsOf(worker);
      found.erase("anon_inode:[timerfd]");
      if (found["pipe"] == 0 || found["pipe"] == 2) found.erase("pipe");
      CHECK(found == expected);
    }
  }
}

TEST_CASE("a worker that is started later, by a reload or after a crash, inherits no other descriptor") {
  DaemonProcess daemon;
  daemon.Serve(2, kFlags);
  const Kinds at_first = KindsOf(daemon.WorkerPids().at(0));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 30; ++i) clients.emplace_back(daemon.Address());
  const WorkerLife victim = daemon.ReadyWorkers().at(0);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  REQUIRE(::kill(victim.pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_ready", 3));
  CHECK(KindsOf(daemon.ReadyWorkers().back().pid) == at_first);
  clients.clear();
  REQUIRE(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(2));
  for (const pid_t worker : daemon.WorkerPids()) CHECK(KindsOf(worker) == at_first);
}

TEST_CASE(
    "a worker's signals: its loop handles TERM, it ignores the master's, it catches only crashes and refused "
    "calls") {
  DaemonProcess daemon;
  daemon.Serve(2, kFlags);
  std::vector<int> ignored = {SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE,
                              SIGALRM, SIGTTIN, SIGTTOU, SIGTSTP, SIGXFSZ};
  std::sort(ignored.begin(), ignored.end());
  for (const pid_t worker : daemon.WorkerPids()) {
    CHECK(Text(SignalsIn(worker, "SigBlk")) == Text({SIGTERM}));
    CHECK(Text(SignalsIn(worker, "SigIgn")) == Text(ignored));
#ifndef PREFORKD_SANITIZED  // a sanitizer catches other signals
    CHECK(Text(SignalsIn(worker, "SigCgt")) == Text(kCaught));
#endif
  }
}

TEST_CASE("a worker cannot gain privileges, and leads a session of its own") {
  DaemonProcess daemon;
  daemon.Serve(2, kFlags);
  for (const pid_t worker : daemon.WorkerPids()) {
    CHECK(StatusField(worker, "NoNewPrivs") == "1");
    CHECK(::getsid(worker) == worker);
    CHECK(StatusField(worker, "Name").starts_with("preforkd-w"));
  }
}

TEST_CASE("the master is killed: workers finish and end, and the port is free") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2"});
  daemon.ExpectOrphans();
  daemon.ExpectExit(128 + SIGKILL);
  const std::string address = daemon.Address();
  const std::vector<pid_t> workers = daemon.WorkerPids();
  TcpClient busy(address);
  REQUIRE(busy.SendAll("pid\nsleep 500\n"));
  REQUIRE(busy.ReadUntil("\n"));
  daemon.Signal(SIGKILL);
  REQUIRE(daemon.Wait() == 128 + SIGKILL);
  CHECK_FALSE(TcpClient::Connect(address).Ok());
  CHECK(busy.ReadToEnd() == "done\n");
  CHECK(WaitUntil(kTimeout, [&] { return std::none_of(workers.begin(), workers.end(), IsAlive); }));
  CHECK(daemon.Finish().empty());
  DaemonProcess next;
  next.Serve(2, {"--service", "echo", "--listen", address, "--workers", "2"});
}

}  // namespace preforkd::testing
