// What the server notifies the service manager of, datagram by datagram, and which of its variables no worker
// may see.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/notify_socket.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

ConfigText Config(const std::string& type, int workers = 2) {
  return ConfigText().Workers(workers).Listen("s").Service("s", type);
}

std::string NextText(NotifySocket& manager) {
  const std::optional<Notice> notice = manager.Next();
  return notice ? notice->text : "nothing came in time";
}

std::uint64_t Microseconds(Time time) { return static_cast<std::uint64_t>(ToNanoseconds(time) / 1000); }

// RELOADING=1 with the time of the monotonic clock.
void CheckReloading(NotifySocket& manager) {
  const std::optional<Notice> notice = manager.Next();
  REQUIRE(notice);
  CHECK(notice->Value("RELOADING") == "1");
  const std::uint64_t now = Microseconds(Now());
  const std::uint64_t said = std::stoull(notice->Value("MONOTONIC_USEC").value_or("0"));
  CHECK(said <= now);
  CHECK(said + 60'000'000 > now);
}

}  // namespace

TEST_CASE("start, reload, refused reload and stop: the master alone sends exactly these notifications") {
  for (const bool abstract : {false, true}) {
    CAPTURE(abstract);
    NotifySocket manager(abstract);
    DaemonProcess daemon;
    daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
    daemon.WriteConfig(Config("echo"));
    daemon.Serve(2);
    const std::optional<Notice> ready = manager.Next();
    REQUIRE(ready);
    CHECK(ready->text == "READY=1\nSTATUS=serving: generation 1, 2 workers\n");
    CHECK(ready->sender == daemon.MasterPid());

    REQUIRE(daemon.Reload());
    CheckReloading(manager);
    CHECK(NextText(manager) == "READY=1\nSTATUS=serving: generation 2, 2 workers\n");

    daemon.WriteConfig("wrokers = 3\n");
    REQUIRE_FALSE(daemon.Reload());
    CheckReloading(manager);
    const std::string refused = NextText(manager);
    CAPTURE(refused);
    CHECK(refused.starts_with("READY=1\nSTATUS=reload refused: "));
    CHECK(refused.ends_with("; serving: generation 2, 2 workers\n"));

    CHECK(manager.Waiting().empty());
    daemon.Signal(SIGTERM);
    REQUIRE(daemon.Wait() == 0);
    CHECK(NextText(manager) == "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000\nSTATUS=stopping\n");
    CHECK(manager.Waiting().empty());
  }
}

TEST_CASE("a generation whose workers cannot start is refused, and the manager is notified") {
  NotifySocket manager;
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.WriteConfig(Config("fault"));
  daemon.Serve(2);
  REQUIRE(manager.Next());
  daemon.ExpectEvent("worker_exited exit=1");
  daemon.WriteConfig(Config("fault").Set("service.s.crash_at_start", "all"));
  REQUIRE_FALSE(daemon.Reload());
  CheckReloading(manager);
  const std::string refused = NextText(manager);
  CAPTURE(refused);
  CHECK(refused.starts_with("READY=1\nSTATUS=reload refused: generation 2 abandoned: "));
}

TEST_CASE("a worker's environment holds none of the master's variables, not even in /proc") {
  NotifySocket manager;
  DaemonProcess daemon;
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.SetEnvironment("WATCHDOG_USEC", "60000000");
  daemon.SetEnvironment("LISTEN_PID", "1");  // meant for another process, and removed all the same
  daemon.SetEnvironment("LISTEN_FDS", "1");
  daemon.SetEnvironment("LISTEN_FDNAMES", "web");
  daemon.SetEnvironment("PREFORKD_WORKERS", "2");
  daemon.SetEnvironment("TZ", "UTC");
  daemon.Serve(2, {"--service", "echo", "--listen", "127.0.0.1:0"});
  for (const pid_t worker : daemon.WorkerPids()) {
    const std::string environment = ReadFile(fmt::format("/proc/{}/environ", worker));
    CHECK(environment.find("TZ=UTC") != std::string::npos);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "preforkd-test"}) {
      CAPTURE(name);
      CHECK(environment.find(name) == std::string::npos);
    }
  }
}

TEST_CASE("WATCHDOG=1 is sent at half of its time while workers beat, and withheld when none can run") {
  NotifySocket manager;
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.SetEnvironment("WATCHDOG_USEC", "200000");
  daemon.WriteConfig(Config("fault", 1).Set("supervision.backoff_min", "30s"));
  // Taken before the first notification, which may wait to be read while the machine is busy.
  const Time start = Now();
  daemon.Serve(1);
  constexpr int kBeats = 20;
  for (int beats = 0; beats < kBeats;) {
    const std::optional<Notice> notice = manager.Next();
    REQUIRE(notice);
    if (notice->text == "WATCHDOG=1\n") ++beats;
  }
  CHECK(Now() - start > (kBeats - 1) * std::chrono::milliseconds(95));  // a tenth of a second apart

  // Its only worker is killed, and the next one soon after its start, so that the third waits for half a
  // minute.
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.IgnoreDescriptors();
  REQUIRE(WaitUntil(kTimeout, [&] {
    for (const pid_t worker : daemon.WorkerPids()) ::kill(worker, SIGKILL);
    return daemon.CountEvents("watchdog_missed") == 1;
  }));
  (void)manager.Waiting();
  CHECK(HoldsFor(std::chrono::seconds(1), [&] { return manager.Waiting().empty(); }));
}

TEST_CASE("a watchdog of another process is not answered") {
  NotifySocket manager;
  DaemonProcess daemon;
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.SetEnvironment("WATCHDOG_USEC", "100000");
  daemon.SetEnvironment("WATCHDOG_PID", "1");
  daemon.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  REQUIRE(manager.Next());
  CHECK(HoldsFor(std::chrono::milliseconds(500), [&] { return manager.Waiting().empty(); }));
}

TEST_CASE("a long drain asks for more time, and its status has the number of connections") {
  NotifySocket manager;
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.SetEnvironment("NOTIFY_SOCKET", manager.Name());
  daemon.Serve(1, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "1"});
  REQUIRE(manager.Next());
  TcpClient busy(daemon.Address());
  REQUIRE(busy.SendAll("pid\nsleep 7000\n"));
  REQUIRE(busy.ReadUntil("\n"));
  daemon.Signal(SIGTERM);
  REQUIRE(manager.Next());
  const std::optional<Notice> more = manager.Next();
  REQUIRE(more);
  CHECK(more->Value("EXTEND_TIMEOUT_USEC") == "15000000");
  CHECK(more->Value("STATUS").value_or("").starts_with("stopping: 1 connections in progress have "));
  CHECK(busy.ReadToEnd() == "done\n");
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("an address at which no manager listens makes one line in the log") {
  DaemonProcess daemon;
  daemon.SetEnvironment("NOTIFY_SOCKET", daemon.Path("nobody"));
  daemon.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  CHECK(daemon.AwaitEvents("manager_unreachable", 1) == 1);
}

}  // namespace preforkd::testing
