// Workers that die, are told to go, or are sent signals that are none of their business.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

std::vector<std::string> Flags(const char* service) {
  return {"--service", service, "--listen", "127.0.0.1:0", "--workers", "2"};
}

// Each connection goes to the next worker and stays there, also where the machine lets one of them run too
// late to be brisk, or a client pause for long enough to be parked.
std::vector<std::string> InTurn(const char* service) {
  std::vector<std::string> flags = Flags(service);
  for (const char* setting : {"dispatch.policy=round-robin", "dispatch.reclaim_after=0", "parking.after=0"}) {
    flags.insert(flags.end(), {"--set", setting});
  }
  return flags;
}

bool IsReady(const DaemonProcess& daemon, pid_t pid) {
  const std::vector<WorkerLife> ready = daemon.ReadyWorkers();
  return std::any_of(ready.begin(), ready.end(), [pid](const WorkerLife& life) { return life.pid == pid; });
}

// The worker that serves this connection.
pid_t ServedBy(TcpClient& client) {
  REQUIRE(client.SendAll("pid\n"));
  const std::optional<std::string> answer = client.ReadUntil("\n");
  REQUIRE(answer);
  return std::atoi(answer->c_str());
}

}  // namespace

TEST_CASE("a killed worker is replaced when its back-off is over, and one line says so") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("echo"));
  const WorkerLife victim = daemon.ReadyWorkers().at(1);
  const std::string death_line =
      fmt::format("worker slot={} inc={} pid {} died while ready: signal 9 (KILL) after ", victim.slot,
                  victim.incarnation, victim.pid);
  daemon.ExpectLine(death_line);
  const Yardstick machine;
  REQUIRE(::kill(victim.pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForLog("is ready after", 3));
  // By the server's own clock, from its knowing of the death to the start of the next. It has served nobody
  // and was young: between them lies backoff_min, 100 ms, give or take its jitter.
  const double pause = TimeOf(LinesWith(daemon.Log(), "started, pid").back()) -
                       TimeOf(LinesWith(daemon.Log(), death_line).at(0));
  CHECK(pause < Seconds(machine.Allow(std::chrono::milliseconds(250))));
  CHECK(daemon.AwaitWorkers(2));
  CHECK(daemon.CountLog("died while") == 1);
  CHECK(daemon.CountLog(death_line) == 1);
  CHECK(daemon.ReadyWorkers().back().slot == victim.slot);
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("served by the next one"));
}

TEST_CASE("a worker told to leave is replaced first, and its clients keep their connections") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("echo"));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(daemon.Address());
  for (TcpClient& client : clients) REQUIRE(client.Echoes("before"));
  const pid_t old = daemon.ReadyWorkers().at(0).pid;
  REQUIRE(::kill(old, SIGTERM) == 0);
  REQUIRE(WaitUntil(kTimeout, [&] { return !IsAlive(old); }));
  for (TcpClient& client : clients) CHECK(client.Echoes("after"));
  const std::vector<std::string> lines = Lines(daemon.Log());
  const auto place = [&](std::string_view text) {
    return std::find_if(lines.begin(), lines.end(),
                        [&](const std::string& line) { return line.find(text) != std::string::npos; });
  };
  CHECK(place("inc=3 is ready") < place("inc=1 retires"));
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("signals that are the master's are nothing to a worker") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("echo"));
  const pid_t worker = daemon.ReadyWorkers().at(0).pid;
  for (const int signo :
       {SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGWINCH, SIGCHLD, SIGTTIN}) {
    CAPTURE(signo);
    REQUIRE(::kill(worker, signo) == 0);
    // It has seen the signal when it has served again.
    TcpClient first(daemon.Address());
    TcpClient second(daemon.Address());
    CHECK(first.Echoes("a"));
    CHECK(second.Echoes("b"));
    CHECK(IsReady(daemon, worker));
    CHECK(IsAlive(worker));
  }
}

TEST_CASE("every way to die is named in the log, and costs only that worker's clients") {
  struct Death {
    const char* command;
    const char* said;
  };
  for (const Death& death : {Death{"crash", "signal 11 (SEGV)"}, Death{"abort", "signal 6 (ABRT)"},
                             Death{"exit 0", "exit status 0"}, Death{"exit 7", "exit status 7"}}) {
#ifdef PREFORKD_SANITIZED
    if (std::string_view(death.command) == "crash") continue;  // the sanitizer makes a report of it
#endif
    CAPTURE(std::string(death.command));
    DaemonProcess daemon(kPreforkdWithFaults);
    daemon.Serve(2, InTurn("fault"));
    daemon.ExpectLine(std::string("died while ready: ") + death.said);
    TcpClient victim(daemon.Address());
    TcpClient other(daemon.Address());
    REQUIRE(ServedBy(victim) != ServedBy(other));
    REQUIRE(victim.SendAll(std::string(death.command) + "\n"));
    CHECK(victim.IsClosedByPeer());
    CHECK(daemon.WaitForLog(std::string("died while ready: ") + death.said));
    CHECK(daemon.CountLog(std::string("it was doing: fault: ") + death.command) == 1);
    CHECK(daemon.CountLog("connections lost 1, reclaimed 0") == 1);
    CHECK(IsAlive(ServedBy(other)));
    CHECK(daemon.AwaitWorkers(2));
  }
}

TEST_CASE("a session that throws ends, and nothing else does") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault"));
  TcpClient thrower(daemon.Address());
  const pid_t worker = ServedBy(thrower);
  REQUIRE(thrower.SendAll("throw\n"));
  CHECK(thrower.IsClosedByPeer());
  CHECK(daemon.CountLog("closing: the service threw: told to throw") == 1);
  CHECK(IsReady(daemon, worker));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(daemon.Address());
  CHECK(std::any_of(clients.begin(), clients.end(),
                    [&](TcpClient& client) { return ServedBy(client) == worker; }));
}

TEST_CASE("what a dead worker had not taken is served by the others") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--set",
                   "dispatch.policy=round-robin", "--set", "parking.after=0"});
  daemon.ExpectLine("died while ready: signal 9 (KILL)");
  TcpClient blocker(daemon.Address());
  const pid_t stuck = ServedBy(blocker);
  REQUIRE(blocker.SendAll("sleep 60000\n"));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(daemon.Address());
    REQUIRE(clients.back().SendAll("hello\n"));
  }
  REQUIRE(::kill(stuck, SIGKILL) == 0);
  for (TcpClient& client : clients) CHECK(client.ReadUntil("\n"));
  CHECK(blocker.IsClosedByPeer());
  // All may have been answered, by reclaiming, before the master knows of the death.
  CHECK(daemon.WaitForLog("died while ready: signal 9 (KILL)"));
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("TTIN and TTOU: one worker more, one fewer, never none") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("echo"));
  daemon.Signal(SIGTTIN);
  CHECK(daemon.AwaitWorkers(3));
  daemon.Signal(SIGTTOU);
  CHECK(daemon.AwaitWorkers(2));
  daemon.Signal(SIGTTOU);
  CHECK(daemon.AwaitWorkers(1));
  daemon.Signal(SIGTTOU);
  CHECK(daemon.WaitForLog("1 workers are wanted from now on", 2));
  CHECK(daemon.AwaitWorkers(1));
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("alone"));
  daemon.Signal(SIGTTIN);
  CHECK(daemon.AwaitWorkers(2));
}

}  // namespace preforkd::testing
