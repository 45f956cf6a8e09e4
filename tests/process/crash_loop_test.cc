// Workers that never become ready: the server neither gives up too early nor spins.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

std::string Config(const std::string& fault, const std::string& supervision = {}) {
  return fmt::format(
      "workers = 3\n[supervision]\n{}\n[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"f\"\n"
      "[service.f]\ntype = \"fault\"\n{}\n",
      supervision, fault);
}

// Of the worker that a line is about.
int IncarnationIn(const std::string& line) { return std::atoi(line.c_str() + line.find(" inc=") + 5); }

}  // namespace

TEST_CASE("one slot that dies at start is tried ever more rarely while the others serve") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("crash_at_start = \"1\"", "backoff_min = \"50ms\"\nbackoff_max = \"2s\""));
  daemon.ExpectLine("slot=1 ");
  daemon.Serve(2);
  daemon.IgnoreDescriptors();  // slot 1 comes and goes
  const double cpu = CpuSeconds(daemon.MasterPid());
  REQUIRE(daemon.WaitForLog("died while starting: exit status 1", 6));
  const std::vector<std::string> deaths = LinesWith(daemon.Log(), "died while starting");
  const std::vector<std::string> starts = LinesWith(daemon.Log(), "slot=1 ");
  // 50, 100, 200, 400, 800 ms between a death and the next start, each a fifth up or down. How much later
  // than that it is, is the machine's affair.
  double nominal = 0.05;
  for (std::size_t i = 0; i < 5; ++i, nominal *= 2) {
    const auto next = std::find_if(starts.begin(), starts.end(), [&](const std::string& line) {
      return line.find(fmt::format(" inc={} started, pid", IncarnationIn(deaths[i + 1]))) !=
             std::string::npos;
    });
    REQUIRE(next != starts.end());
    CAPTURE(nominal);
    CHECK(TimeOf(*next) - TimeOf(deaths[i]) >= nominal * 0.8 - 0.002);  // the log rounds to milliseconds
  }
  CHECK(CpuSeconds(daemon.MasterPid()) - cpu < 0.5);
  for (int i = 0; i < 20; ++i) {
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("hello\n"));
    CHECK(client.ReadUntil("\n"));
  }
  CHECK(Lines(daemon.Log()).size() < 60);
}

TEST_CASE("69: no worker of the first generation becomes ready") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("crash_at_start = \"all\"", "backoff_min = \"10ms\""));
  daemon.ExpectLine("died while");
  daemon.Start();
  daemon.ExpectExit(69);
  CHECK(daemon.Wait() == 69);
  // Three attempts of each of the three; those that were quicker may have begun a fourth.
  CHECK(daemon.CountLog("died while starting") >= 9);
  CHECK(daemon.CountLog("died while starting") <= 20);
  CHECK(daemon.CountLog("serving") == 0);
}

TEST_CASE("a worker that hangs at start is killed at start_timeout") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("hang_at_start = \"0\"", "start_timeout = \"300ms\""));
  daemon.ExpectLine("died while starting: signal 9 (KILL)");
  daemon.ExpectLine("died while retiring: signal 9 (KILL)");
  daemon.Serve(2);
  daemon.IgnoreDescriptors();
  CHECK(daemon.WaitForLog("gets SIGKILL: not ready within start_timeout", 2));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("hello\n"));
  CHECK(client.ReadUntil("\n"));
  daemon.Signal(SIGINT);  // one may hang in its start just now
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("69: all of the first generation hang at start") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("hang_at_start = \"all\"", "start_timeout = \"300ms\""));
  daemon.ExpectLine("died while");
  daemon.Start();
  daemon.ExpectExit(69);
  CHECK(daemon.Wait() == 69);
}

}  // namespace preforkd::testing
