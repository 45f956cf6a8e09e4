// Faults from outside the program: a paused master, a poison request, forks that fail, system calls that fail
// (injected with strace).
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

// Loads failing_calls.so into the server that is started next.
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

// A call of the master fails now and then under load: no connection is lost and no descriptor leaks.
void CheckInjection(const std::string& inject) {
  CAPTURE(inject);
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  const Strace strace(daemon.MasterPid(), {"-e", std::string("inject=") + inject}, daemon.Path("strace.log"));
  if (!strace.Attached()) {
    MESSAGE("skipped: strace is not installed or may not trace");
    return;
  }
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  // No connections come back here, so the master only receives what it reclaims. How much that is depends on
  // the speed of the machine.
  const std::size_t enough = inject.starts_with("recvmsg") ? 5 : 20;
  CHECK(WaitUntil(kTimeout, [&] { return strace.Injected() >= enough && load.Ok() > 200; }));
  const LoadResult result = load.Stop();
  MESSAGE(inject, ": injected ", strace.Injected(), "; ", result.Text());
  CHECK(result.Failed() == 0);
  CHECK(daemon.CountEvents("worker_exited") == 0);
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

// Every client leaves its worker and comes back, while calls fail on both sides.
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
      MESSAGE("skipped: strace is not installed or may not trace");
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
    CHECK(daemon.CountEvents("worker_exited") == 0);
    clients.Close();
  }
}

#ifndef PREFORKD_SANITIZED  // the sanitizer's runtime must be the first library
TEST_CASE("epoll cannot add some connections that come back: workers get them again until it can") {
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
    CHECK(daemon.AwaitAllParked());  // in the end: a worker that gets one again hands it back again
  }
  MESSAGE("each third EPOLL_CTL_ADD of the master fails: ", answered, " answers of 250; could not be parked ",
          daemon.CountEvents("conn_not_parked"), " times");
  CHECK(answered == 250);
  CHECK(daemon.CountEvents("conn_not_parked") > 0);
  CHECK(daemon.CountEvents("worker_exited") == 0);
  clients.Close();
}

TEST_CASE("no memory for the scoreboard: exit code 71, and the log says why") {
  DaemonProcess daemon;
  const Preloaded fails("FAIL_SHARED_MMAP", "1");
  daemon.ExpectExit(71);
  CHECK(daemon.Run(Flags("http")) == 71);
  CHECK(daemon.AwaitEvents("start_failed errno=ENOMEM", 1) == 1);
}
#endif

TEST_CASE(
    "the master is stopped for longer than hang_timeout: no worker is killed, waiting clients are served") {
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
  CHECK(daemon.WaitForEvent("master_paused"));
  CHECK(daemon.WorkerPids() == workers);
}

TEST_CASE("a worker that hangs: logged with what it was doing, SIGABRT, a backtrace, and a replacement") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"supervision.hang_timeout=2s"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGABRT");
  TcpClient victim(daemon.Address());
  REQUIRE(victim.SendAll("spin 60000\n"));
  CHECK(daemon.WaitForEvent("worker_hung doing~\"fault: spin 60000 from 127.0.0.1:\""));
  CHECK(victim.IsClosedByPeer());
  CHECK(daemon.WaitForEvent("worker_exited state=ready exit=SIGABRT"));
  CHECK(daemon.AwaitWorkers(2));
#ifndef PREFORKD_SANITIZED
  CHECK(daemon.CountEvents("worker_backtrace") > 3);
#endif
}

TEST_CASE("a request that crashes every worker is named in a warning after three crashes in a row") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault"));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGABRT");
  constexpr const char* kWarning = "worker_repeats workers=3 doing=\"'fault: abort' from 127.0.0.1\"";
  for (int crash = 1; crash <= 3; ++crash) {
    CHECK(daemon.CountEvents("worker_repeats") == 0);
    TcpClient poison(daemon.Address());
    REQUIRE(poison.SendAll("abort\n"));
    CHECK(poison.IsClosedByPeer());
    CHECK(daemon.WaitForEvent("worker_exited state=ready exit=SIGABRT", static_cast<std::size_t>(crash)));
  }
  CHECK(daemon.WaitForEvent(kWarning));
  CHECK(daemon.AwaitEvents("worker_repeats", 1) == 1);
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE(
    "fork fails: the other worker serves, the start is retried with a back-off, in the end there are two") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"workers_max=2"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  {
    const Strace strace(daemon.MasterPid(), {"-e", "inject=clone,clone3,fork:error=EAGAIN"},
                        daemon.Path("strace.log"));
    if (!strace.Attached()) {
      MESSAGE("skipped: strace is not installed or may not trace");
      return;
    }
    REQUIRE(::kill(daemon.WorkerPids().at(0), SIGKILL) == 0);
    CHECK(daemon.WaitForEvent("worker_start_failed errno=EAGAIN", 3));
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("pid\n"));
    CHECK(client.ReadUntil("\n"));
    CHECK(daemon.CountEvents("worker_start_failed") < 10);
  }
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("RLIMIT_NPROC: a worker is replaced when the limit has been raised") {
  DaemonProcess daemon(kPreforkdWithFaults);
  if (!daemon.BecomeNobody(1024)) {
    MESSAGE("skipped: needs root and more than one user id");
    return;
  }
  daemon.Serve(2, Flags("fault", {"workers_max=2"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  // As its own user: changing the limits of another user takes a capability that root may lack.
  const std::string prlimit = fmt::format(
      "setpriv --reuid=65534 --regid=65534 --clear-groups prlimit --pid {} --nproc=", daemon.MasterPid());
  REQUIRE(std::system((prlimit + "1:").c_str()) == 0);
  REQUIRE(::kill(daemon.WorkerPids().at(0), SIGKILL) == 0);
  CHECK(daemon.WaitForEvent("worker_start_failed errno=EAGAIN", 2));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("pid\n"));
  CHECK(client.ReadUntil("\n"));
  rlimit before{};  // ours, so the one that it started with
  REQUIRE(::getrlimit(RLIMIT_NPROC, &before) == 0);
  const std::string back = before.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(before.rlim_cur);
  REQUIRE(std::system((prlimit + back + ":").c_str()) == 0);
  CHECK(daemon.AwaitWorkers(2));
}

namespace {

// Age of the first worker's last heartbeat, in seconds.
double HeartbeatAge(const DaemonProcess& daemon) {
  const std::string status = Ctl(daemon, {"--json", "status"}).out;
  constexpr std::string_view kKey = "\"heartbeat_age_seconds\":";
  const std::size_t at = status.find(kKey);
  return at == std::string::npos ? 0 : std::strtod(status.c_str() + at + kKey.size(), nullptr);
}

}  // namespace

TEST_CASE(
    "a worker that is stopped for less than hang_timeout is not killed, wherever between two heartbeats the "
    "stop begins") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(1, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "1", "--set",
                   "workers_max=1", "--set", "supervision.hang_timeout=2s"});
  const std::vector<pid_t> workers = daemon.WorkerPids();
  for (int round = 0; round < 2; ++round) {
    REQUIRE(WaitUntil(kTimeout, [&] { return HeartbeatAge(daemon) > 0.8; }));  // the worst moment
    REQUIRE(::kill(workers.at(0), SIGSTOP) == 0);
    CHECK(HoldsFor(milliseconds(1600), [&] { return daemon.CountEvents("worker_hung") == 0; }));
    REQUIRE(::kill(workers.at(0), SIGCONT) == 0);
    REQUIRE(WaitUntil(kTimeout, [&] { return HeartbeatAge(daemon) < 0.5; }));
  }
  CHECK(daemon.CountEvents("worker_hung") == 0);
  CHECK(daemon.WorkerPids() == workers);
}

TEST_CASE(
    "no worker is left and none can be forked: status and metrics say degraded until one is ready again") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"workers_max=2"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  CHECK(Ctl(daemon, {"status"}).out.find("  serving  ") != std::string::npos);
  {
    const Strace strace(daemon.MasterPid(), {"-e", "inject=clone,clone3,fork:error=EAGAIN"},
                        daemon.Path("strace.log"));
    if (!strace.Attached()) {
      MESSAGE("skipped: strace is not installed or may not trace");
      return;
    }
    const std::vector<pid_t> workers = daemon.WorkerPids();
    REQUIRE(::kill(workers.at(0), SIGKILL) == 0);
    REQUIRE(daemon.WaitForEvent("worker_start_failed errno=EAGAIN"));
    CHECK(Ctl(daemon, {"status"}).out.find("  serving  ") != std::string::npos);  // one is left
    REQUIRE(::kill(workers.at(1), SIGKILL) == 0);
    REQUIRE(daemon.WaitForEvent("pool_degraded"));
    CHECK(Ctl(daemon, {"status"}).out.find("  degraded  ") != std::string::npos);
    CHECK(Ctl(daemon, {"--json", "status"}).out.find(R"("state":"degraded")") != std::string::npos);
    const std::string metrics = Ctl(daemon, {"metrics"}).out;
    CHECK(metrics.find("preforkd_state{state=\"degraded\"} 1\n") != std::string::npos);
    CHECK(metrics.find("preforkd_state{state=\"serving\"} 0\n") != std::string::npos);
    // A reload that fails does not change that.
    CHECK(Ctl(daemon, {"reload", "--wait"}).code == 1);
    CHECK(Ctl(daemon, {"status"}).out.find("  degraded  ") != std::string::npos);
  }
  CHECK(daemon.WaitForEvent("pool_recovered"));
  CHECK(Ctl(daemon, {"status"}).out.find("  serving  ") != std::string::npos);
  CHECK(daemon.AwaitWorkers(2));
}

namespace {

// A memory control group (version 1) for the server that is started next. Removed when the test ends.
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
  // The command that runs a program in it, to be followed by the program's command line.
  [[nodiscard]] std::vector<std::string> Launcher() const {
    return {"/bin/sh", "-c", "echo $$ > " + path_ + "/cgroup.procs && exec \"$0\" \"$@\""};
  }

 private:
  std::string path_;
  bool made_ = false;
};

}  // namespace

#ifndef PREFORKD_SANITIZED  // a sanitizer needs more memory than that
TEST_CASE("the log says that the OOM killer killed a worker, and does not say it of a kill -9") {
  const MemoryGroup group(std::uint64_t{96} << 20);
  if (!group.Possible()) {
    MESSAGE("skipped: no memory control group of version 1 can be created here");
    return;
  }
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.LaunchBy(group.Launcher());
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  daemon.Serve(1,
               {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "1", "--set", "workers_max=1"});
  REQUIRE(::kill(daemon.WorkerPids().at(0), SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_exited state=ready exit=SIGKILL"));
  CHECK(daemon.CountEvents("worker_exited oom=1") == 0);
  REQUIRE(daemon.AwaitWorkers(1));
  {
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("grow 200\n"));
    (void)client.ReadUntil("\n");
  }
  if (!daemon.WaitForEvent("worker_exited state=ready exit=SIGKILL", 2, std::chrono::seconds(5))) {
    MESSAGE("skipped: the limit of the group has no effect here");
    return;
  }
  CHECK(daemon.AwaitEvents("worker_exited state=ready exit=SIGKILL oom=1", 1) == 1);
  CHECK(daemon.AwaitWorkers(1));
}
#endif

}  // namespace preforkd::testing
