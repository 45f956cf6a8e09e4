// A client that has been accepted, but not yet taken by a worker, is served whatever happens to the workers.
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

using std::chrono::milliseconds;

std::vector<std::string> Flags(int workers, const std::vector<std::string>& settings) {
  std::vector<std::string> flags = {"--service",   "fault",     "--listen",
                                    "127.0.0.1:0", "--workers", std::to_string(workers)};
  for (const std::string& setting : settings) flags.insert(flags.end(), {"--set", setting});
  return flags;
}

// Clients that have sent their request and wait.
std::vector<TcpClient> Ask(const std::string& address, int count) {
  std::vector<TcpClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(address);
    REQUIRE(clients.back().SendAll("pid\n"));
  }
  return clients;
}

int CountAnswers(std::vector<TcpClient>& clients) {
  return static_cast<int>(std::count_if(
      clients.begin(), clients.end(), [](TcpClient& client) { return client.ReadUntil("\n").has_value(); }));
}

double Milliseconds(Duration span) { return Seconds(span) * 1e3; }

// How long a fresh client waits for its answer.
Duration TimeOfOne(const std::string& address) {
  const Time start = Now();
  TcpClient client(address);
  REQUIRE(client.SendAll("pid\n"));
  REQUIRE(client.ReadUntil("\n"));
  return Now() - start;
}

}  // namespace

TEST_CASE("a stopped worker with 50 requests in its queue is killed: 50 answers, lost 0") {
  // Nothing is reclaimed from stuck workers, so all 50 are still in its queue when it is killed.
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(1, Flags(1, {"dispatch.reclaim_after=0", "workers_max=1"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  const pid_t victim = daemon.WorkerPids().at(0);
  REQUIRE(::kill(victim, SIGSTOP) == 0);
  std::vector<TcpClient> clients = Ask(daemon.Address(), 50);
  REQUIRE(::kill(victim, SIGKILL) == 0);
  const int answers = CountAnswers(clients);
  MESSAGE("answers: ", answers, " of 50");
  CHECK(answers == 50);
  CHECK(daemon.AwaitEvents("worker_exited lost=0", 1) == 1);
  clients.clear();
  CHECK(daemon.AwaitWorkers(1));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.AwaitEvents("stopped accepted=50 lost=0", 1) == 1);
}

TEST_CASE("a stopped worker among four: 50 requests are answered before it is killed, and after") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(4, Flags(4, {"dispatch.policy=round-robin"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  const pid_t victim = daemon.WorkerPids().at(0);
  REQUIRE(::kill(victim, SIGSTOP) == 0);
  std::vector<TcpClient> before = Ask(daemon.Address(), 50);
  CHECK(CountAnswers(before) == 50);
  std::vector<TcpClient> after = Ask(daemon.Address(), 50);
  REQUIRE(::kill(victim, SIGKILL) == 0);
  const int answers = CountAnswers(after);
  MESSAGE("answers after the kill: ", answers, " of 50");
  CHECK(answers == 50);
  before.clear();
  after.clear();
  // All may be answered before the victim has ended.
  REQUIRE(daemon.WaitForEvent("worker_exited state=ready exit=SIGKILL"));
  CHECK(daemon.AwaitWorkers(4));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.AwaitEvents("stopped accepted=100 lost=0", 1) == 1);
}

TEST_CASE("all workers are killed at once while 200 clients wait: all 200 are answered after the restart") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(4, Flags(4, {"dispatch.reclaim_after=0", "workers_max=4"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  const std::vector<pid_t> workers = daemon.WorkerPids();
  for (const pid_t worker : workers) REQUIRE(::kill(worker, SIGSTOP) == 0);
  std::vector<TcpClient> clients = Ask(daemon.Address(), 200);
  const Time start = Now();
  for (const pid_t worker : workers) REQUIRE(::kill(worker, SIGKILL) == 0);
  const int answers = CountAnswers(clients);
  MESSAGE("answers: ", answers, " of 200, ", Milliseconds(Now() - start), " ms after the kill");
  CHECK(answers == 200);
  clients.clear();
  CHECK(daemon.AwaitWorkers(4));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.AwaitEvents("stopped accepted=200 lost=0", 1) == 1);
}

TEST_CASE("a blocked worker delays only its own client: 100 quick requests are answered while it blocks") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags(2, {"dispatch.policy=round-robin", "workers_max=2"}));
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  TcpClient blocker(daemon.Address());
  REQUIRE(blocker.SendAll("pid\n"));
  const pid_t blocked = std::atoi(blocker.ReadUntil("\n").value_or("0").c_str());
  REQUIRE(blocked > 0);
  REQUIRE(blocker.SendAll("sleep 3600000\n"));
  const Yardstick machine;
  std::vector<Duration> times;
  for (int i = 0; i < 100; ++i) times.push_back(TimeOfOne(daemon.Address()));
  std::sort(times.begin(), times.end());
  MESSAGE("slowest of 100 beside a blocked worker: ", Milliseconds(times.back()), " ms");
  // Every other request went to the blocked worker first. A machine that pauses for a moment delays one or
  // two of them.
  CHECK(times[97] < machine.Allow(milliseconds(100)));
  CHECK(times.back() < machine.Allow(milliseconds(1000)));
  REQUIRE(::kill(blocked, SIGKILL) == 0);
  CHECK(blocker.IsClosedByPeer());
  REQUIRE(daemon.WaitForEvent("worker_exited state=ready exit=SIGKILL"));
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a worker whose callback returns is used again at once, not only after its next heartbeat") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(1, Flags(1, {"workers_max=1"}));
  const Yardstick machine;
  for (int round = 0; round < 5; ++round) {
    TcpClient blocker(daemon.Address());
    REQUIRE(blocker.SendAll("sleep 100\n"));
    const Duration waited = TimeOfOne(daemon.Address());
    CHECK(waited < milliseconds(100) + machine.Allow(milliseconds(300)));
    REQUIRE(blocker.ReadUntil("\n"));
  }
}

TEST_CASE("a worker that was stopped for a moment is used again as soon as it runs") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(1, Flags(1, {"workers_max=1"}));
  const pid_t worker = daemon.WorkerPids().at(0);
  const Yardstick machine;
  Duration worst{0};
  for (int round = 0; round < 5; ++round) {
    REQUIRE(::kill(worker, SIGSTOP) == 0);
    std::vector<TcpClient> clients = Ask(daemon.Address(), 3);
    CHECK(HoldsFor(milliseconds(60), [&] { return IsAlive(worker); }));  // longer than reclaim_after
    const Time start = Now();
    REQUIRE(::kill(worker, SIGCONT) == 0);
    CHECK(CountAnswers(clients) == 3);
    worst = std::max(worst, Now() - start);
  }
  MESSAGE("slowest of 5 after SIGCONT: ", Milliseconds(worst), " ms");
  CHECK(worst < machine.Allow(milliseconds(400)));  // a heartbeat comes once a second
}

TEST_CASE("all workers are blocked: extra workers start one at a time, up to workers_max") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags(2, {"workers_max=4"}));
  daemon.IgnoreDescriptors();  // extra workers stay for half a minute
  const Yardstick machine;
  std::vector<TcpClient> blockers;
  for (std::size_t workers = 2; workers <= 4; ++workers) {
    while (blockers.size() < workers) {
      blockers.emplace_back(daemon.Address());
      REQUIRE(blockers.back().SendAll("sleep 15000\n"));
    }
    if (workers == 4) break;
    // The extra worker serves it. On a busy machine the last blocker may not have begun yet, and the worker
    // before is still free.
    CHECK(WaitUntil(kTimeout, [&] {
      CHECK(TimeOfOne(daemon.Address()) < machine.Allow(milliseconds(1000)));
      return daemon.WorkerPids().size() == workers + 1;
    }));
    CHECK(daemon.AwaitWorkers(workers + 1));
  }
  TcpClient late(daemon.Address());
  REQUIRE(late.SendAll("pid\n"));
  CHECK(HoldsFor(milliseconds(200), [&] { return daemon.WorkerPids().size() == 4; }));
  CHECK(late.ReadUntil("\n"));
  CHECK(daemon.AwaitEvents("extra_started", 2) == 2);
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.Signal(SIGINT);  // does not wait for the blocked workers
  CHECK(daemon.Wait() == 0);
}

}  // namespace preforkd::testing
