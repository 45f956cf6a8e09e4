// SIGUSR1: the log file can be renamed, and master and workers go on in a new one.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <filesystem>

#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {

TEST_CASE("after a rename and SIGUSR1, master and workers write to the new file") {
  DaemonProcess daemon(kPreforkdWithFaults);
  const std::string file = daemon.Path("server.log");
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--log-file", file});
  CHECK(daemon.Stderr().empty());
  const std::vector<WorkerLife> workers = daemon.ReadyWorkers();
  std::filesystem::rename(file, daemon.Path("rotated.log"));
  daemon.Signal(SIGUSR1);
  REQUIRE(WaitUntil(kTimeout, [&] { return EntriesOf(ReadFile(file), "log_reopened").size() == 1; }));
  const std::string rotated = ReadFile(daemon.Path("rotated.log"));
  // Each worker logs the exception of a session, at most one line a second.
  std::vector<TcpClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(daemon.Address());
    REQUIRE(clients.back().SendAll("throw\n"));
    CHECK(clients.back().IsClosedByPeer());
  }
  for (const WorkerLife& worker : workers) {
    const std::string query = fmt::format("conn_failed cause=exception pid={}", worker.pid);
    CHECK_FALSE(EntriesOf(ReadFile(file), query).empty());
  }
  CHECK(ReadFile(daemon.Path("rotated.log")) == rotated);
}

TEST_CASE(
    "a stopped worker delays the answer for a bounded time and is named; it follows when it continues") {
  DaemonProcess daemon(kPreforkdWithFaults);
  const std::string file = daemon.Path("server.log");
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--log-file", file});
  const WorkerLife stopped = daemon.ReadyWorkers().at(1);
  REQUIRE(::kill(stopped.pid, SIGSTOP) == 0);
  std::filesystem::rename(file, daemon.Path("rotated.log"));
  daemon.Signal(SIGUSR1);
  CHECK(daemon.WaitForEvent(fmt::format("log_reopen_failed level=warning why~\"slot {}\"", stopped.slot)));
  REQUIRE(::kill(stopped.pid, SIGCONT) == 0);
  daemon.Signal(SIGUSR1);
  CHECK(daemon.WaitForEvent("log_reopened"));
}

TEST_CASE("a worker that is killed during a reopen is not waited for") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  const std::string file = daemon.Path("server.log");
  daemon.Serve(2, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "2", "--log-file", file});
  const pid_t victim = daemon.ReadyWorkers().at(0).pid;
  REQUIRE(::kill(victim, SIGSTOP) == 0);
  daemon.Signal(SIGUSR1);
  // After the master has told the workers; the stopped one has not received it.
  REQUIRE(daemon.WaitForEvent("signal signal=USR1"));
  REQUIRE(::kill(victim, SIGKILL) == 0);
  CHECK(daemon.WaitForEvent("log_reopened"));
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
  CHECK(daemon.WaitForEvent("log_reopen_failed level=error why~open"));
  TcpClient client(daemon.Address());
  CHECK(client.Echoes("ping"));
}

}  // namespace preforkd::testing
