// USR1: the log file can be renamed, and master and workers go on in a new one.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <filesystem>

#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {

TEST_CASE("after a rename and USR1, master and workers write to the new file") {
  DaemonProcess daemon(kPreforkdWithFaults);
  const std::string file = daemon.Path("server.log");
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--log-file", file});
  CHECK(ReadFile(daemon.Path("stderr")).empty());
  const std::vector<WorkerLife> workers = daemon.ReadyWorkers();
  std::filesystem::rename(file, daemon.Path("rotated.log"));
  daemon.Signal(SIGUSR1);
  REQUIRE(WaitUntil(
      kTimeout, [&] { return ReadFile(file).find("log reopened by all processes") != std::string::npos; }));
  const std::string rotated = ReadFile(daemon.Path("rotated.log"));
  // Each worker logs what a session throws, one line a second at most.
  std::vector<TcpClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(daemon.Address());
    REQUIRE(clients.back().SendAll("throw\n"));
    CHECK(clients.back().IsClosedByPeer());
  }
  for (const WorkerLife& worker : workers) {
    const std::vector<std::string> lines =
        LinesWith(ReadFile(file), fmt::format("worker pid={}", worker.pid));
    CHECK(LinesWith(fmt::format("{}", fmt::join(lines, "\n")), "told to throw").size() >= 1);
  }
  CHECK(ReadFile(daemon.Path("rotated.log")) == rotated);
}

TEST_CASE(
    "a worker that is stopped delays the answer for a bounded time, and is named; it follows when it goes "
    "on") {
  DaemonProcess daemon(kPreforkdWithFaults);
  const std::string file = daemon.Path("server.log");
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--log-file", file});
  const WorkerLife stopped = daemon.ReadyWorkers().at(1);
  REQUIRE(::kill(stopped.pid, SIGSTOP) == 0);
  std::filesystem::rename(file, daemon.Path("rotated.log"));
  daemon.Signal(SIGUSR1);
  CHECK(daemon.WaitForLog(fmt::format("log reopened, but not taken within 5 s by slot {}", stopped.slot)));
  REQUIRE(::kill(stopped.pid, SIGCONT) == 0);
  daemon.Signal(SIGUSR1);
  CHECK(daemon.WaitForLog("log reopened by all processes"));
}

TEST_CASE("a worker that dies during a reopen is not waited for") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.ExpectLine("died while ready");
  const std::string file = daemon.Path("server.log");
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--log-file", file});
  const pid_t victim = daemon.ReadyWorkers().at(0).pid;
  REQUIRE(::kill(victim, SIGSTOP) == 0);
  daemon.Signal(SIGUSR1);
  // Behind the master's order, which the stopped one has not taken.
  REQUIRE(WaitUntil(kTimeout, [&] { return daemon.CountLog("SIGUSR1 from pid") == 1; }));
  REQUIRE(::kill(victim, SIGKILL) == 0);
  CHECK(daemon.WaitForLog("log reopened by all processes"));
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a log that cannot be reopened stays where it is") {
  DaemonProcess daemon;
  const std::string folder = daemon.Path("logs");
  std::filesystem::create_directory(folder);
  std::filesystem::create_symlink(daemon.Path("server.log"), folder + "/now");
  daemon.Serve(
      2, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2", "--log-file", folder + "/now"});
  std::filesystem::remove_all(folder);
  daemon.Signal(SIGUSR1);
  CHECK(daemon.WaitForLog("the log stays where it is: open "));
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("ping"));
}

}  // namespace preforkd::testing
