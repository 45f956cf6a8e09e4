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
    CHECK(command.CountLog("is held by process " + std::to_string(pid)) ==
          2);  // in the log, and for whoever waits
    CHECK(std::atoi(ReadFile(command.Path("pid")).c_str()) == pid);
    command.ExpectExit(71);
  }
  REQUIRE(::kill(pid, SIGTERM) == 0);
  // The harness is its reaper now.
  int status = -1;
  REQUIRE(WaitUntil(kTimeout, [&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK_FALSE(std::filesystem::exists(command.Path("pid")));
}

TEST_CASE("a start that fails is the command's exit code") {
  DaemonProcess first;
  first.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  DaemonProcess second;
  CHECK(second.Run({"--daemonize", "--service", "echo", "--listen", first.Address(), "--log-file",
                    second.Path("server.log")}) == 71);
  CHECK(second.CountLog("EADDRINUSE") == 2);  // in the log, and for whoever waits
  second.ExpectExit(71);
}

TEST_CASE("without a log file there would be no log: refused") {
  DaemonProcess daemon;
  CHECK(daemon.Run({"--daemonize", "--service", "echo", "--listen", "127.0.0.1:0"}) == 64);
  CHECK(daemon.CountLog("--log-file") == 1);
  daemon.ExpectExit(64);
}

TEST_CASE("a start that fails says why on standard error, also when the log is a file") {
  DaemonProcess first;
  first.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  DaemonProcess second;
  const auto said = [&] { return ReadFile(second.Path("stderr")); };
  const std::vector<std::string> flags = {"--daemonize", "--log-file", second.Path("server.log"), "--workers",
                                          "1"};
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), flags.begin(), flags.end());
    const int code = second.Run(more);
    second.ExpectExit(code);
    return code;
  };
  SUBCASE("an address that is taken") {
    CHECK(run({"--service", "echo", "--listen", first.Address()}) == 71);
    CHECK(said().find("preforkd: bind " + first.Address() + ": Address already in use (EADDRINUSE)\n") !=
          std::string::npos);
    CHECK(said().find("not started: the server exited with code 71; its log is " +
                      second.Path("server.log")) != std::string::npos);
  }
  SUBCASE("a pid file that cannot be made") {
    CHECK(run({"--service", "echo", "--listen", "127.0.0.1:0", "--pid-file",
               second.Path("no/such/folder")}) == 71);
    CHECK(said().find("preforkd: open " + second.Path("no/such/folder")) != std::string::npos);
  }
  CHECK(ReadFile(second.Path("server.log")).find("error") != std::string::npos);  // there too
}

TEST_CASE("workers that cannot start: said on standard error, too; and nothing is said once it serves") {
  DaemonProcess failing(kPreforkdWithFaults);
  failing.ExpectLine("died while starting");
  failing.WriteConfig(
      "workers = 1\n[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\n[service.s]\ntype = \"fault\"\n"
      "crash_at_start = \"all\"\n");
  CHECK(failing.Run({"--daemonize", "--log-file", failing.Path("server.log")}) == 69);
  CHECK(ReadFile(failing.Path("stderr"))
            .find("preforkd: giving up: no worker of the first generation became ready\n") !=
        std::string::npos);
  failing.ExpectExit(69);
  DaemonProcess command;
  REQUIRE(command.Run(Flags(command)) == 0);
  const pid_t pid = std::atoi(ReadFile(command.Path("pid")).c_str());
  REQUIRE(::kill(pid, SIGUSR2) == 0);  // to a program that is there
  REQUIRE(command.WaitForLog("generation 2 serves"));
  CHECK(ReadFile(command.Path("stderr")).empty());
  REQUIRE(::kill(pid, SIGTERM) == 0);
  int status = -1;
  REQUIRE(WaitUntil(kTimeout, [&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace preforkd::testing
