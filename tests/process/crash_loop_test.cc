// Workers that never become ready: the server neither gives up too early nor uses all CPU time.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

ConfigText Config(const ConfigSettings& fault) {
  return ConfigText().Workers(3).Listen("f").Service("f", "fault", fault);
}

}  // namespace

TEST_CASE("one slot whose worker crashes at start is retried ever more rarely while the others serve") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config({{"crash_at_start", "1"}})
                         .Set("supervision.backoff_min", "50ms")
                         .Set("supervision.backoff_max", "2s"));
  daemon.ExpectEvent("worker_exited slot=1");
  daemon.Serve(2);
  daemon.IgnoreDescriptors();  // slot 1 comes and goes
  const double cpu = CpuSeconds(daemon.MasterPid());
  REQUIRE(daemon.WaitForEvent("worker_exited state=starting exit=1", 6));
  const std::vector<LogEntry> exits = daemon.Events("worker_exited state=starting");
  // 50, 100, 200, 400, 800 ms between an exit and the next start, each a fifth more or less. A loaded machine
  // may make it later.
  double nominal = 0.05;
  for (std::size_t i = 0; i < 5; ++i, nominal *= 2) {
    const std::vector<LogEntry> next =
        daemon.Events("worker_started slot=1 inc=" + exits[i + 1].Field("inc"));
    REQUIRE(next.size() == 1);
    CAPTURE(nominal);
    CHECK(next[0].time - exits[i].time >= nominal * 0.8 - 0.002);  // the clock of the log is not monotonic
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
  daemon.WriteConfig(Config({{"crash_at_start", "all"}}).Set("supervision.backoff_min", "10ms"));
  daemon.ExpectEvent("worker_exited");
  daemon.Start();
  daemon.ExpectExit(69);
  CHECK(daemon.Wait() == 69);
  // Three attempts in each of three slots; a quick slot may have begun a fourth.
  CHECK(daemon.CountEvents("worker_exited state=starting") >= 9);
  CHECK(daemon.CountEvents("worker_exited state=starting") <= 20);
  CHECK(daemon.CountEvents("serving") == 0);
}

TEST_CASE("a worker that hangs at start is killed at start_timeout") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config({{"hang_at_start", "0"}}).Set("supervision.start_timeout", "300ms"));
  daemon.ExpectEvent("worker_exited state=starting exit=SIGKILL");
  daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");
  daemon.Serve(2);
  daemon.IgnoreDescriptors();
  CHECK(daemon.WaitForEvent("worker_killed cause=start_timeout", 2));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("hello\n"));
  CHECK(client.ReadUntil("\n"));
  daemon.Signal(SIGINT);  // at once: a worker may hang in its start now
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("69: all of the first generation hang at start") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config({{"hang_at_start", "all"}}).Set("supervision.start_timeout", "300ms"));
  daemon.ExpectEvent("worker_exited");
  daemon.Start();
  daemon.ExpectExit(69);
  CHECK(daemon.Wait() == 69);
}

}  // namespace preforkd::testing
