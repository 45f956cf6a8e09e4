// Invalid files at a reload: each is refused with its place and its reason, and the server serves on.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr const char* kGood =
    "workers = 2\n[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\n[service.s]\ntype = \"echo\"\n";

struct Broken {
  const char* what;
  std::string text;
  std::string place;  // what follows the name of the file
};

const std::vector<Broken>& BrokenFiles() {
  static const std::vector<Broken> files = {
      {"garbage", "}{ this = is [not toml", ":1:1"},
      {"nothing at all", "", ":1:1"},
      {"no listener", "[service.s]\ntype = \"echo\"\n", ":1:1"},
      {"an empty address",
       std::string("[[listen]]\naddress = \"\"\nservice = \"s\"\n[service.s]\ntype = \"echo\"\n"), ":2:"},
      {"an unknown key", std::string("wrokers = 3\n") + kGood, ":1:1"},
      {"a wrong type", std::string("pid_file = 7\n") + kGood, ":1:"},
      {"out of range", std::string(kGood).replace(10, 1, "9999"), ":1:"},
      {"a listener twice",
       std::string("[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\n") +
           std::string(kGood).substr(12),
       ":"},
      {"an unknown service",
       std::string("[[listen]]\naddress = \"127.0.0.1:1\"\nservice = \"t\"\n") +
           std::string(kGood).substr(12),
       ":3:"},
      {"an unknown type",
       "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"s\"\n[service.s]\ntype = \"ecko\"\n", ":5:"},
      {"NUL bytes", std::string(kGood) + std::string("x = \"a\0b\"\n", 10), ":7:"},
      {"bytes that are no text", std::string(kGood) + "# \xff\xfe\n", ":7:"},
      {"a huge file", std::string(2 << 20, '#'), ":1:1"},
  };
  return files;
}

bool Reaches(const DaemonProcess& daemon) {
  TcpClient client(daemon.Address());
  return client.Echoes("ping");
}

// One reload that must be refused for a problem at `place`. `why` is a part of its reason.
void ExpectRefusal(DaemonProcess& daemon, const std::string& place, const std::string& why = {}) {
  const std::string query =
      fmt::format("config_problem place~{}{} why~\"{}\"", daemon.ConfigPath(), place, why);
  const std::size_t before = daemon.CountEvents(query);
  const std::size_t refusals = daemon.CountEvents("reload_refused gen=1");
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.CountEvents(query) > before);
  CHECK(daemon.CountEvents("reload_refused gen=1") == refusals + 1);
  CHECK(Reaches(daemon));
  CHECK(daemon.ReadyWorkers().size() == 2);
}

}  // namespace

TEST_CASE("an invalid file is refused, whatever is wrong with it, and the next valid one is accepted") {
  DaemonProcess daemon;
  daemon.WriteConfig(kGood);
  daemon.Serve(2);
  for (const Broken& broken : BrokenFiles()) {
    CAPTURE(std::string(broken.what));
    daemon.WriteConfig(broken.text);
    ExpectRefusal(daemon, broken.place);
  }
  CHECK(daemon.DescriptorDifference().empty());
  daemon.WriteConfig(kGood);
  CHECK(daemon.Reload());
  CHECK(Reaches(daemon));
}

TEST_CASE("a reload is refused if the path is no readable file: missing, a folder, a FIFO") {
  DaemonProcess daemon;
  daemon.WriteConfig(kGood);
  daemon.Serve(2);
  REQUIRE(::unlink(daemon.ConfigPath().c_str()) == 0);
  ExpectRefusal(daemon, "", "ENOENT");
  REQUIRE(::mkdir(daemon.ConfigPath().c_str(), 0755) == 0);
  ExpectRefusal(daemon, ":1:1", "folder");
  REQUIRE(::rmdir(daemon.ConfigPath().c_str()) == 0);
  REQUIRE(::mkfifo(daemon.ConfigPath().c_str(), 0644) == 0);
  ExpectRefusal(daemon, ":1:1", "FIFO");
  daemon.WriteConfig(kGood);
  CHECK(daemon.Reload());
}

}  // namespace preforkd::testing
