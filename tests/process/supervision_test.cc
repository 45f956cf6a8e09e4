// Workers that crash, are told to retire, or get signals that are meant for the master.
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

// Each connection goes to the next worker and stays there, even if the machine lets a worker run too late to
// take it in time, or makes a client pause until it would be parked.
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

TEST_CASE("a killed worker is replaced when its back-off is over, and its end is one line") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("echo"));
  const WorkerLife victim = daemon.ReadyWorkers().at(1);
  const std::string exit = fmt::format("worker_exited slot={} inc={} worker_pid={} state=ready exit=SIGKILL",
                                       victim.slot, victim.incarnation, victim.pid);
  daemon.ExpectEvent(exit);
  const Yardstick machine;
  REQUIRE(::kill(victim.pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_ready", 3));
  // By the server's clock, from the line about the exit to the start of the next worker. The victim was young
  // and had served no client: between the two lines lies backoff_min, 100 ms, plus or minus its jitter.
  const double pause = daemon.Events("worker_started").back().time - daemon.Events(exit).at(0).time;
  CHECK(pause < Seconds(machine.Allow(std::chrono::milliseconds(250))));
  CHECK(daemon.AwaitWorkers(2));
  CHECK(daemon.AwaitEvents("worker_exited", 1) == 1);
  CHECK(daemon.AwaitEvents(exit, 1) == 1);
  CHECK(daemon.ReadyWorkers().back().slot == victim.slot);
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("served by the next one"));
}

TEST_CASE("a worker that gets TERM is replaced first, and its clients keep their connections") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("echo"));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(daemon.Address());
  for (TcpClient& client : clients) REQUIRE(client.Echoes("before"));
  const pid_t old = daemon.ReadyWorkers().at(0).pid;
  REQUIRE(::kill(old, SIGTERM) == 0);
  REQUIRE(WaitUntil(kTimeout, [&] { return !IsAlive(old); }));
  for (TcpClient& client : clients) CHECK(client.Echoes("after"));
  const std::vector<LogEntry> entries = ReadLog(daemon.Log());
  const auto place = [&](std::string_view query) {
    return std::find_if(entries.begin(), entries.end(),
                        [wanted = LogQuery(query)](const LogEntry& entry) { return wanted.Matches(entry); });
  };
  CHECK(place("worker_ready inc=3") < place("worker_retiring inc=1"));
  CHECK(place("worker_retiring inc=1") != entries.end());
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a worker ignores signals that are meant for the master") {
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

TEST_CASE("the master ignores the signals of timers and of descriptors") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("echo"));
  TcpClient kept(daemon.Address());
  CHECK(kept.Echoes("a"));
  for (const int signo : {SIGALRM, SIGVTALRM, SIGPROF, SIGIO}) {
    CAPTURE(signo);
    daemon.Signal(signo);
    CHECK(kept.Echoes("b"));
  }
  REQUIRE(daemon.Reload());  // the master has seen them
  CHECK(kept.Echoes("c"));
}

TEST_CASE("every kind of exit is named in the log, and costs only that worker's clients") {
  struct Row {
    const char* command;
    const char* exit;
  };
  for (const Row& row :
       {Row{"crash", "SIGSEGV"}, Row{"abort", "SIGABRT"}, Row{"exit 0", "0"}, Row{"exit 7", "7"}}) {
#ifdef PREFORKD_SANITIZED
    if (std::string_view(row.command) == "crash") continue;  // the sanitizer reports it
#endif
    CAPTURE(std::string(row.command));
    DaemonProcess daemon(kPreforkdWithFaults);
    daemon.Serve(2, InTurn("fault"));
    const std::string exit = fmt::format("worker_exited state=ready exit={}", row.exit);
    daemon.ExpectEvent(exit);
    TcpClient victim(daemon.Address());
    TcpClient other(daemon.Address());
    REQUIRE(ServedBy(victim) != ServedBy(other));
    REQUIRE(victim.SendAll(std::string(row.command) + "\n"));
    CHECK(victim.IsClosedByPeer());
    CHECK(daemon.WaitForEvent(exit));
    CHECK(daemon.AwaitEvents(fmt::format("{} doing~\"fault: {}\"", exit, row.command), 1) == 1);
    CHECK(daemon.AwaitEvents(exit + " lost=1 reclaimed=0", 1) == 1);
    CHECK(IsAlive(ServedBy(other)));
    CHECK(daemon.AwaitWorkers(2));
  }
}

TEST_CASE("a session that throws ends, and its worker serves on") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault"));
  TcpClient thrower(daemon.Address());
  const pid_t worker = ServedBy(thrower);
  REQUIRE(thrower.SendAll("throw\n"));
  CHECK(thrower.IsClosedByPeer());
  CHECK(daemon.AwaitEvents("conn_failed cause=exception error=\"told to throw\"", 1) == 1);
  CHECK(IsReady(daemon, worker));
  std::vector<TcpClient> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(daemon.Address());
  CHECK(std::any_of(clients.begin(), clients.end(),
                    [&](TcpClient& client) { return ServedBy(client) == worker; }));
}

TEST_CASE("connections that a killed worker had not taken are served by the others") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--set",
                   "dispatch.policy=round-robin", "--set", "parking.after=0"});
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
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
  // All may have been answered, by reclaiming, before the master knows that the worker has ended.
  CHECK(daemon.WaitForEvent("worker_exited state=ready exit=SIGKILL"));
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
  CHECK(daemon.WaitForEvent("scaled pool=main workers=1", 2));
  CHECK(daemon.AwaitWorkers(1));
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("alone"));
  daemon.Signal(SIGTTIN);
  CHECK(daemon.AwaitWorkers(2));
}

}  // namespace preforkd::testing
