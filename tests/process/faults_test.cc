// Faults from outside the program: a paused master, a poison request, a system that refuses to fork, calls that
// fail (injected with strace).
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/load.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> Flags(const char* service, const std::vector<std::string>& settings = {}) {
  std::vector<std::string> flags = {"--service", service, "--listen", "127.0.0.1:0", "--workers", "2"};
  for (const std::string& setting : settings) flags.insert(flags.end(), {"--set", setting});
  return flags;
}

// strace(1) on a running process, for the life of this object.
class Strace {
 public:
  Strace(pid_t target, const std::string& inject, const std::string& output) : output_(output) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    const std::string option = "inject=" + inject;
    const std::string pid = std::to_string(target);
    ::execlp("strace", "strace", "-q", "-o", output.c_str(), "-e", option.c_str(), "-p", pid.c_str(), nullptr);
    ::_exit(127);
  }
  Strace(const Strace&) = delete;
  Strace& operator=(const Strace&) = delete;
  ~Strace() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

  // False where there is no strace, or no permission to trace.
  [[nodiscard]] bool Attached(pid_t target) const {
    return WaitUntil(std::chrono::seconds(5), [&] {
      return StatusField(target, "TracerPid") == std::to_string(pid_) ||
             ::waitpid(pid_, nullptr, WNOHANG | WNOWAIT) == pid_;
    }) && StatusField(target, "TracerPid") == std::to_string(pid_);
  }
  [[nodiscard]] std::size_t Injected() const { return LinesWith(ReadFile(output_), "(INJECTED)").size(); }

 private:
  pid_t pid_ = 0;
  std::string output_;
};

// A call of the master fails now and then, under load: nobody is lost, and no descriptor stays behind.
void CheckInjection(const std::string& inject) {
  CAPTURE(inject);
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  const Strace strace(daemon.MasterPid(), inject, daemon.Path("strace.log"));
  if (!strace.Attached(daemon.MasterPid())) {
    MESSAGE("skipped: strace is not there, or may not trace");
    return;
  }
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  CHECK(WaitUntil(kPatience, [&] { return strace.Injected() >= 20 && load.Ok() > 200; }));
  const LoadResult result = load.Stop();
  MESSAGE(inject, ": injected ", strace.Injected(), "; ", result.Text());
  CHECK(result.Failed() == 0);
  CHECK(daemon.CountLog("died while") == 0);
}

}  // namespace

TEST_CASE("system calls that fail under load cost no client") {
  for (const char* inject :
       {"sendmmsg:error=EAGAIN:when=3+7", "sendmmsg:error=ENOBUFS:when=3+7", "sendmmsg:error=EINTR:when=3+5",
        "sendmmsg:error=ETOOMANYREFS:when=3+7", "accept4:error=EINTR:when=2+5", "accept4:error=EPROTO:when=2+5",
        "accept4:error=EMFILE:when=2+9", "accept4:error=ENOBUFS:when=2+9"}) {
    CheckInjection(inject);
  }
}

TEST_CASE("the master is stopped for longer than hang_timeout: nobody is killed for it, what waited is served") {
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
  CHECK(HoldsFor(milliseconds(4000), [&] { return before.SendAll("pid\n") && before.ReadUntil("\n").has_value(); }));
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

TEST_CASE("fork fails: the other worker serves, it is tried again with a back-off, and in the end there are two") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"workers_max=2"}));
  daemon.ExpectLine("died while ready: signal 9 (KILL)");
  {
    const Strace strace(daemon.MasterPid(), "clone,clone3,fork:error=EAGAIN", daemon.Path("strace.log"));
    if (!strace.Attached(daemon.MasterPid())) {
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

}  // namespace preforkd::testing
