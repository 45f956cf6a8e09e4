// Faults from outside the program: a paused master, a poison request, a system that refuses to fork, calls
// that fail (injected with strace).
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/load.h"
#include "tests/support/proc_status.h"
#include "tests/support/strace.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> Flags(const char* service, const std::vector<std::string>& settings = {}) {
  std::vector<std::string> flags = {"--service", service, "--listen", "127.0.0.1:0", "--workers", "2"};
  for (const std::string& setting : settings) flags.insert(flags.end(), {"--set", setting});
  return flags;
}

// failing_calls.so in the server that is started next.
class Preloaded {
 public:
  Preloaded(const char* what, const char* value) : what_(what) {
    ::setenv("LD_PRELOAD", std::filesystem::absolute("tests/support/failing_calls.so").c_str(), 1);
    ::setenv(what_, value, 1);
  }
  Preloaded(const Preloaded&) = delete;
  Preloaded& operator=(const Preloaded&) = delete;
  ~Preloaded() {
    ::unsetenv("LD_PRELOAD");
    ::unsetenv(what_);
  }

 private:
  const char* what_;
};

// A call of the master fails now and then, under load: nobody is lost, and no descriptor stays behind.
void CheckInjection(const std::string& inject) {
  CAPTURE(inject);
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  const Strace strace(daemon.MasterPid(), {"-e", std::string("inject=") + inject}, daemon.Path("strace.log"));
  if (!strace.Attached()) {
    MESSAGE("skipped: strace is not there, or may not trace");
    return;
  }
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  // Without connections that come back the master receives what it reclaims, and how much that is the
  // machine's pace decides.
  const std::size_t enough = inject.starts_with("recvmsg") ? 5 : 20;
  CHECK(WaitUntil(kTimeout, [&] { return strace.Injected() >= enough && load.Ok() > 200; }));
  const LoadResult result = load.Stop();
  MESSAGE(inject, ": injected ", strace.Injected(), "; ", result.Text());
  CHECK(result.Failed() == 0);
  CHECK(daemon.CountLog("died while") == 0);
}

}  // namespace

TEST_CASE("system calls that fail under load cost no client") {
  for (const char* inject :
       {"sendmmsg:error=EAGAIN:when=3+7", "sendmmsg:error=ENOBUFS:when=3+7", "sendmmsg:error=EINTR:when=3+5",
        "sendmmsg:error=ETOOMANYREFS:when=3+7", "sendmmsg:error=EMSGSIZE:when=3+7",
        "sendmmsg:error=EPIPE:when=3+7", "sendmmsg:error=ECONNRESET:when=3+7", "recvmsg:error=EINTR:when=1+2",
        "recvmsg:error=ENOMEM:when=2+3", "accept4:error=EINTR:when=2+5", "accept4:error=EPROTO:when=2+5",
        "accept4:error=EMFILE:when=2+9", "accept4:error=ENOBUFS:when=2+9"}) {
    CheckInjection(inject);
  }
}

// What goes back: every client leaves its worker and comes again, through calls that fail on both sides.
TEST_CASE("calls that fail on the way back cost no connection") {
  for (const char* inject :
       {"sendmmsg:error=EMSGSIZE:when=1+3", "sendmmsg:error=ETOOMANYREFS:when=1+3",
        "sendmmsg:error=ENOBUFS:when=1+3", "recvmsg:error=ENOMEM:when=2+5", "recvmsg:error=EINTR:when=1+2"}) {
    CAPTURE(std::string(inject));
    DaemonProcess daemon;
    daemon.Serve(1, {"--service", "http", "--listen", "127.0.0.1:0", "--workers", "1", "--set",
                     "workers_max=1", "--set", "parking.after=5ms"});
    const pid_t worker = daemon.WorkerPids().at(0);
    const Strace strace(worker, {"-e", std::string("inject=") + inject}, daemon.Path("strace.log"));
    if (!strace.Attached()) {
      MESSAGE("skipped: strace is not there, or may not trace");
      return;
    }
    KeepAliveClients clients(daemon.Address(), 20);
    int answered = 0;
    for (int round = 0; round < 5; ++round) {
      answered += clients.Answered();
      CHECK(daemon.AwaitAllParked());
    }
    MESSAGE(std::string(inject), " in the worker: injected ", strace.Injected(), "; ", answered,
            " answers of 100");
    CHECK(answered == 100);
    CHECK(strace.Injected() >= 20);
    CHECK(daemon.CountLog("died while") == 0);
    clients.Close();
  }
}

#ifndef PREFORKD_SANITIZED  // whose runtime must be the first library
TEST_CASE("epoll has no room for some connections that come back: workers have them again, until there is") {
  DaemonProcess daemon;
  {
    const Preloaded fails("FAIL_EPOLL_ADD", "3");
    daemon.Serve(
        2, {"--service", "http", "--listen", "127.0.0.1:0", "--workers", "2", "--set", "parking.after=5ms"});
  }
  KeepAliveClients clients(daemon.Address(), 50);
  int answered = 0;
  for (int round = 0; round < 5; ++round) {
    answered += clients.Answered();
    CHECK(daemon.AwaitAllParked());  // in the end: a worker that has one again hands it back again
  }
  MESSAGE("each third EPOLL_CTL_ADD of the master fails: ", answered, " answers of 250; could not be parked ",
          daemon.CountLog("cannot be parked"), " times");
  CHECK(answered == 250);
  CHECK(daemon.CountLog("cannot be parked") > 0);
  CHECK(daemon.CountLog("died while") == 0);
  clients.Close();
}

TEST_CASE("no memory for the scoreboard: the system's fault, and said so") {
  DaemonProcess daemon;
  const Preloaded fails("FAIL_SHARED_MMAP", "1");
  daemon.ExpectExit(71);
  CHECK(daemon.Run(Flags("http")) == 71);
  CHECK(daemon.CountLog("Cannot allocate memory") > 0);
}
#endif

TEST_CASE(
    "the master is stopped for longer than hang_timeout: nobody is killed for it, what waited is served") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"supervision.hang_timeout=3s"}));
  const std::vector<pid_t> workers = daemon.WorkerPids();
  TcpClient before(daemon.Address());
  REQUIRE(before.SendAll("pid\n"));
  REQUIRE(before.ReadUntil("\n"));
  daemon.Signal(SIGSTOP);
  std::vector<TcpClient> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.emplace_back(daemon.Address());
    REQUIRE(waiting.back().SendAll("pid\n"));
  }
  CHECK(HoldsFor(milliseconds(4000),
                 [&] { return before.SendAll("pid\n") && before.ReadUntil("\n").has_value(); }));
  daemon.Signal(SIGCONT);
  for (TcpClient& client : waiting) CHECK(client.ReadUntil("\n"));
  CHECK(daemon.WaitForLog("the master was paused"));
  CHECK(daemon.WorkerPids() == workers);
}

TEST_CASE("a worker that hangs: what it was doing, SIGABRT, a backtrace, and another one") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"supervision.hang_timeout=2s"}));
  daemon.ExpectLine("died while ready: signal 6 (ABRT)");
  daemon.ExpectLine("backtrace #");
  TcpClient victim(daemon.Address());
  REQUIRE(victim.SendAll("spin 60000\n"));
  CHECK(daemon.WaitForLog("gets SIGABRT; it is doing: fault: spin 60000 from 127.0.0.1:"));
  CHECK(victim.IsClosedByPeer());
  CHECK(daemon.WaitForLog("died while ready: signal 6 (ABRT)"));
  CHECK(daemon.AwaitWorkers(2));
#ifndef PREFORKD_SANITIZED
  CHECK(daemon.CountLog("backtrace #") > 3);
#endif
}

TEST_CASE("a request that kills each worker is named after three deaths in a row, as a warning") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault"));
  daemon.ExpectLine("died while ready: ");
  daemon.ExpectLine("backtrace #");
  constexpr const char* kWarning = "was being served in 3 workers or more that died in a row";
  for (int death = 1; death <= 3; ++death) {
    CHECK(daemon.CountLog(kWarning) == 0);
    TcpClient poison(daemon.Address());
    REQUIRE(poison.SendAll("abort\n"));
    CHECK(poison.IsClosedByPeer());
    CHECK(daemon.WaitForLog("died while ready: ", static_cast<std::size_t>(death)));
  }
  CHECK(daemon.WaitForLog(kWarning));
  CHECK(daemon.CountLog("'fault: abort' from 127.0.0.1 was being served") == 1);
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE(
    "fork fails: the other worker serves, it is tried again with a back-off, and in the end there are two") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"workers_max=2"}));
  daemon.ExpectLine("died while ready: signal 9 (KILL)");
  {
    const Strace strace(daemon.MasterPid(), {"-e", "inject=clone,clone3,fork:error=EAGAIN"},
                        daemon.Path("strace.log"));
    if (!strace.Attached()) {
      MESSAGE("skipped: strace is not there, or may not trace");
      return;
    }
    REQUIRE(::kill(daemon.WorkerPids().at(0), SIGKILL) == 0);
    CHECK(daemon.WaitForLog("cannot start a worker: fork", 3));
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("pid\n"));
    CHECK(client.ReadUntil("\n"));
    CHECK(daemon.CountLog("cannot start a worker: fork") < 10);
  }
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("RLIMIT_NPROC: a worker that cannot be followed is followed when the limit is raised") {
  DaemonProcess daemon(kPreforkdWithFaults);
  if (!daemon.BecomeNobody(1024)) {
    MESSAGE("skipped: needs root and more than one user id");
    return;
  }
  daemon.Serve(2, Flags("fault", {"workers_max=2"}));
  daemon.ExpectLine("died while ready: signal 9 (KILL)");
  // By its own user: to change another's takes a capability that root may lack.
  const std::string prlimit = fmt::format(
      "setpriv --reuid=65534 --regid=65534 --clear-groups prlimit --pid {} --nproc=", daemon.MasterPid());
  REQUIRE(std::system((prlimit + "1:").c_str()) == 0);
  REQUIRE(::kill(daemon.WorkerPids().at(0), SIGKILL) == 0);
  CHECK(daemon.WaitForLog("cannot start a worker: fork", 2));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("pid\n"));
  CHECK(client.ReadUntil("\n"));
  rlimit before{};  // ours, and so what it began with
  REQUIRE(::getrlimit(RLIMIT_NPROC, &before) == 0);
  const std::string back = before.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(before.rlim_cur);
  REQUIRE(std::system((prlimit + back + ":").c_str()) == 0);
  CHECK(daemon.AwaitWorkers(2));
}

namespace {

// How long ago the first worker has shown that its loop turns, in seconds.
double HeartbeatAge(const DaemonProcess& daemon) {
  const std::string status = Ctl(daemon, {"--json", "status"}).out;
  constexpr std::string_view kKey = "\"heartbeat_age_seconds\":";
  const std::size_t at = status.find(kKey);
  return at == std::string::npos ? 0 : std::strtod(status.c_str() + at + kKey.size(), nullptr);
}

}  // namespace

TEST_CASE(
    "a worker that is stopped for less than hang_timeout is not killed, wherever between two heartbeats that "
    "begins") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(1, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "1", "--set",
                   "workers_max=1", "--set", "supervision.hang_timeout=2s"});
  const std::vector<pid_t> workers = daemon.WorkerPids();
  for (int round = 0; round < 2; ++round) {
    REQUIRE(WaitUntil(kTimeout, [&] { return HeartbeatAge(daemon) > 0.8; }));  // the worst moment
    REQUIRE(::kill(workers.at(0), SIGSTOP) == 0);
    CHECK(HoldsFor(milliseconds(1600), [&] { return daemon.CountLog("gets SIGABRT") == 0; }));
    REQUIRE(::kill(workers.at(0), SIGCONT) == 0);
    REQUIRE(WaitUntil(kTimeout, [&] { return HeartbeatAge(daemon) < 0.5; }));
  }
  CHECK(daemon.CountLog("gets SIGABRT") == 0);
  CHECK(daemon.WorkerPids() == workers);
}

TEST_CASE(
    "no worker is left and none can be forked: degraded, in status and metrics, until one is ready again") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"workers_max=2"}));
  daemon.ExpectLine("died while ready: signal 9 (KILL)");
  CHECK(Ctl(daemon, {"status"}).out.find("  serving  ") != std::string::npos);
  {
    const Strace strace(daemon.MasterPid(), {"-e", "inject=clone,clone3,fork:error=EAGAIN"},
                        daemon.Path("strace.log"));
    if (!strace.Attached()) {
      MESSAGE("skipped: strace is not there, or may not trace");
      return;
    }
    const std::vector<pid_t> workers = daemon.WorkerPids();
    REQUIRE(::kill(workers.at(0), SIGKILL) == 0);
    REQUIRE(daemon.WaitForLog("cannot start a worker: fork"));
    CHECK(Ctl(daemon, {"status"}).out.find("  serving  ") != std::string::npos);  // one is left
    REQUIRE(::kill(workers.at(1), SIGKILL) == 0);
    REQUIRE(daemon.WaitForLog("degraded: no worker is ready and none can be started for now"));
    CHECK(Ctl(daemon, {"status"}).out.find("  degraded  ") != std::string::npos);
    CHECK(Ctl(daemon, {"--json", "status"}).out.find(R"("state":"degraded")") != std::string::npos);
    const std::string metrics = Ctl(daemon, {"metrics"}).out;
    CHECK(metrics.find("preforkd_state{state=\"degraded\"} 1\n") != std::string::npos);
    CHECK(metrics.find("preforkd_state{state=\"serving\"} 0\n") != std::string::npos);
    // A reload that fails changes nothing about that.
    CHECK(Ctl(daemon, {"reload", "--wait"}).code == 1);
    CHECK(Ctl(daemon, {"status"}).out.find("  degraded  ") != std::string::npos);
  }
  CHECK(daemon.WaitForLog("no longer degraded"));
  CHECK(Ctl(daemon, {"status"}).out.find("  serving  ") != std::string::npos);
  CHECK(daemon.AwaitWorkers(2));
}

namespace {

// A memory control group of version 1 for the server that is started next; gone when the test ends.
class MemoryGroup {
 public:
  explicit MemoryGroup(std::uint64_t bytes)
      : path_(fmt::format("/sys/fs/cgroup/memory/preforkd-test-{}", ::getpid())) {
    std::error_code error;
    made_ = std::filesystem::create_directory(path_, error);
    std::ofstream(path_ + "/memory.limit_in_bytes") << bytes << std::flush;
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;
  ~MemoryGroup() {
    if (made_) (void)WaitUntil(kTimeout, [&] { return ::rmdir(path_.c_str()) == 0; });
  }
  [[nodiscard]] bool Possible() const {
    return made_ && ReadFile(path_ + "/memory.oom_control").find("oom_kill ") != std::string::npos;
  }
  // What puts a program in there, to be followed by its words.
  [[nodiscard]] std::vector<std::string> Launcher() const {
    return {"/bin/sh", "-c", "echo $$ > " + path_ + "/cgroup.procs && exec \"$0\" \"$@\""};
  }

 private:
  std::string path_;
  bool made_ = false;
};

}  // namespace

#ifndef PREFORKD_SANITIZED  // which needs more memory than that to begin with
TEST_CASE("a worker that the OOM killer takes: the log says so, and says nothing of the kind of a kill -9") {
  const MemoryGroup group(std::uint64_t{96} << 20);
  if (!group.Possible()) {
    MESSAGE("skipped: no memory control group of version 1 can be made here");
    return;
  }
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.LaunchBy(group.Launcher());
  daemon.ExpectLine("died while ready: signal 9 (KILL)");
  daemon.Serve(1,
               {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "1", "--set", "workers_max=1"});
  REQUIRE(::kill(daemon.WorkerPids().at(0), SIGKILL) == 0);
  REQUIRE(daemon.WaitForLog("died while ready: signal 9 (KILL)"));
  CHECK(daemon.CountLog("OOM killer") == 0);
  REQUIRE(daemon.AwaitWorkers(1));
  {
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("grow 200\n"));
    (void)client.ReadUntil("\n");
  }
  if (!daemon.WaitForLog("died while ready: signal 9 (KILL)", 2, std::chrono::seconds(5))) {
    MESSAGE("skipped: the limit of the group has no effect here");
    return;
  }
  CHECK(daemon.CountLog("died while ready: signal 9 (KILL), by the OOM killer") == 1);
  CHECK(daemon.AwaitWorkers(1));
}
#endif

}  // namespace preforkd::testing
