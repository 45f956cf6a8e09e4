// The output of the command line, and the exit codes that scripts and service managers rely on.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

bool Contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("--version and --help print to standard output and exit 0") {
  DaemonProcess version;
  CHECK(version.Run({"--version"}) == 0);
  CHECK(version.Output().starts_with("preforkd "));
  CHECK(version.Stderr().empty());

  DaemonProcess help;
  CHECK(help.Run({"--help"}) == 0);
  for (const char* flag : {"--listen", "--workers", "--check", "--set", "--user"})
    CHECK(Contains(help.Output(), flag));
}

TEST_CASE("64: an unknown flag, with the nearest name") {
  DaemonProcess daemon;
  CHECK(daemon.Run({"--worker", "2"}) == 64);
  CHECK(Contains(daemon.Stderr(), "unknown flag"));
  CHECK(Contains(daemon.Stderr(), "--workers"));
}

TEST_CASE("--check: a valid file is ok, and nothing is served") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigText().Listen("e").Service("e", "echo"));
  CHECK(daemon.Run({"--check"}) == 0);
  CHECK(daemon.Output() == "configuration ok\n");
  CHECK(daemon.CountEvents("listening") == 0);
}

TEST_CASE("--check: a value that may not work as intended is a warning with its place") {
  DaemonProcess daemon;
  const std::string socket = "unix:" + daemon.Path("e.sock");
  daemon.WriteConfig("[dispatch]\npolicy = \"client-hash\"\n[[listen]]\nservice = \"e\"\naddress = \"" +
                     socket + "\"\n[service.e]\ntype = \"echo\"\n");
  CHECK(daemon.Run({"--check"}) == 0);
  CHECK(daemon.Output() == "configuration ok\n");
  CHECK(Contains(daemon.Stderr(),
                 "preforkd.toml:5:1: warning: listen.address: the clients of a Unix socket have no address"));
}

TEST_CASE("78: --check and a start both name every problem with its place") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--check"}, std::vector<std::string>{}}) {
    DaemonProcess daemon;
    daemon.WriteConfig(
        "wrokers = 2\n[[listen]]\naddress = \"127.0.0.1\"\nservice = \"e\"\n[service.e]\ntype = \"echo\"\n");
    CHECK(daemon.Run(arguments) == 78);
    CHECK(Contains(daemon.Stderr(), daemon.ConfigPath() + ":1:1: "));
    CHECK(Contains(daemon.Stderr(), "workers"));
    CHECK(Contains(daemon.Stderr(), daemon.ConfigPath() + ":3:"));
  }
}

TEST_CASE("71: the port is in use") {
  DaemonProcess first;
  first.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  DaemonProcess second;
  CHECK(second.Run({"--service", "echo", "--listen", first.Address(), "--workers", "1"}) == 71);
  CHECK(second.AwaitEvents("start_failed errno=EADDRINUSE", 1) == 1);
  CHECK(Contains(second.Stderr(), "bind " + first.Address()));
  TcpClient client(first.Address());
  CHECK(client.Echoes("the first one serves on"));
}

TEST_CASE("--print-config prints what --check accepts") {
  DaemonProcess printed;
  CHECK(printed.Run({"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "3", "--print-config"}) ==
        0);
  DaemonProcess checked;
  checked.WriteConfig(printed.Output());
  CHECK(checked.Run({"--check"}) == 0);
}

}  // namespace preforkd::testing
