// --daemonize and --pid-file: what a start script sees.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

std::vector<std::string> Flags(const DaemonProcess& daemon) {
  return {"--daemonize", "--service",       "echo",
          "--listen",    "127.0.0.1:0",     "--workers",
          "1",           "--log-file",      daemon.Path("server.log"),
          "--pid-file",  daemon.Path("pid")};
}

}  // namespace

TEST_CASE("the command returns when the server serves; the pid file names it and goes with it") {
  DaemonProcess command;
  REQUIRE(command.Run(Flags(command)) == 0);
  const pid_t pid = std::atoi(ReadFile(command.Path("pid")).c_str());
  REQUIRE(pid > 1);
  CHECK(::getsid(pid) == pid);
  {
    TcpClient client(command.Address());
    CHECK(client.Echoes("ping"));
  }
  SUBCASE("TERM stops it") {}
  SUBCASE("a second server on the same pid file is refused, and the file stays the first one's") {
    CHECK(command.Run(Flags(command)) == 71);
    CHECK(command.CountLog("is held by process " + std::to_string(pid)) == 1);
    CHECK(std::atoi(ReadFile(command.Path("pid")).c_str()) == pid);
    command.ExpectExit(71);
  }
  REQUIRE(::kill(pid, SIGTERM) == 0);
  // The harness is its reaper now.
  int status = -1;
  REQUIRE(WaitUntil(kPatience, [&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_FALSE(std::filesystem::exists(command.Path("pid")));
}

TEST_CASE("a start that fails is the command's exit code") {
  DaemonProcess first;
  first.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  DaemonProcess second;
  CHECK(second.Run({"--daemonize", "--service", "echo", "--listen", first.Address(), "--log-file",
                    second.Path("server.log")}) == 71);
  CHECK(second.CountLog("EADDRINUSE") == 1);
  second.ExpectExit(71);
}

TEST_CASE("without a log file there would be no log: refused") {
  DaemonProcess daemon;
  CHECK(daemon.Run({"--daemonize", "--service", "echo", "--listen", "127.0.0.1:0"}) == 64);
  CHECK(daemon.CountLog("--log-file") == 1);
  daemon.ExpectExit(64);
}

}  // namespace preforkd::testing
