// --daemonize and --pid-file, as a start script sees them.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "tests/support/config_text.h"
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

TEST_CASE("the command returns when the server serves; the pid file names it and is removed with it") {
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
    CHECK(command.AwaitEvents("start_failed errno=EAGAIN", 1) == 1);
    CHECK(command.Stderr().find("is held by process " + std::to_string(pid)) != std::string::npos);
    CHECK(std::atoi(ReadFile(command.Path("pid")).c_str()) == pid);
    command.ExpectExit(71);
  }
  REQUIRE(::kill(pid, SIGTERM) == 0);
  // It is a child of the harness now.
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
  CHECK(second.AwaitEvents("start_failed errno=EADDRINUSE", 1) == 1);
  CHECK(second.AwaitEvents("start_failed exit=71", 1) == 1);  // of the command that waits
  second.ExpectExit(71);
}

TEST_CASE("without a log file it is refused: there would be no log") {
  DaemonProcess daemon;
  CHECK(daemon.Run({"--daemonize", "--service", "echo", "--listen", "127.0.0.1:0"}) == 64);
  CHECK(LinesWith(daemon.Stderr(), "--log-file").size() == 1);
  daemon.ExpectExit(64);
}

TEST_CASE("a start that fails prints why on standard error, also when the log is a file") {
  DaemonProcess first;
  first.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  DaemonProcess second;
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
    CHECK(second.Stderr().find("preforkd: bind " + first.Address() +
                               ": Address already in use (EADDRINUSE)\n") != std::string::npos);
    CHECK(second.Stderr().find("not started: the server exited with code 71; its log is " +
                               second.Path("server.log")) != std::string::npos);
  }
  SUBCASE("a pid file that cannot be created") {
    CHECK(run({"--service", "echo", "--listen", "127.0.0.1:0", "--pid-file",
               second.Path("no/such/folder")}) == 71);
    CHECK(second.Stderr().find("preforkd: open " + second.Path("no/such/folder")) != std::string::npos);
  }
  CHECK(EntriesOf(ReadFile(second.Path("server.log")), "start_failed level=error").size() == 1);
}

TEST_CASE("workers that cannot start: standard error says so; a server that serves prints nothing there") {
  DaemonProcess failing(kPreforkdWithFaults);
  failing.ExpectEvent("worker_exited state=starting");
  failing.WriteConfig(ConfigText().Workers(1).Listen("s").Service("s", "fault", {{"crash_at_start", "all"}}));
  CHECK(failing.Run({"--daemonize", "--log-file", failing.Path("server.log")}) == 69);
  CHECK(failing.AwaitEvents("gave_up", 1) == 1);
  CHECK(failing.Stderr().find(
            "preforkd: giving up: no worker of the first generation became ready; the last one: ") !=
        std::string::npos);
  failing.ExpectExit(69);
  DaemonProcess command;
  REQUIRE(command.Run(Flags(command)) == 0);
  const pid_t pid = std::atoi(ReadFile(command.Path("pid")).c_str());
  REQUIRE(::kill(pid, SIGUSR2) == 0);  // the program still exists
  REQUIRE(command.WaitForEvent("upgrade_done generation=2"));
  CHECK(command.Stderr().empty());
  REQUIRE(::kill(pid, SIGTERM) == 0);
  int status = -1;
  REQUIRE(WaitUntil(kTimeout, [&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace preforkd::testing
