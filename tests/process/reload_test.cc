// Reload: what changes, what stays, and that clients notice nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/load.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

ConfigText Config(int workers, const std::vector<std::string>& listen = {"127.0.0.1:0"}) {
  ConfigText text;
  text.Workers(workers).Service("s", "echo");
  for (const std::string& address : listen) text.Listen("s", address);
  return text;
}

ConfigText FaultConfig(const ConfigSettings& fault = {}) {
  return ConfigText().Workers(2).Listen("s").Service("s", "fault", fault);
}

// The sockets of the master: its listeners, the control socket, and both ends of each worker's channel.
std::vector<std::string> Sockets(const DaemonProcess& daemon) {
  std::vector<std::string> sockets;
  const FdSnapshot snapshot = FdSnapshot::Of(daemon.MasterPid());
  for (const auto& [fd, target] : snapshot.Targets()) {
    if (target.starts_with("socket:")) sockets.push_back(target);
  }
  return sockets;
}

std::size_t Common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return static_cast<std::size_t>(std::count_if(
      a.begin(), a.end(), [&](const std::string& x) { return std::find(b.begin(), b.end(), x) != b.end(); }));
}

bool Reaches(const std::string& address) {
  Result<TcpClient> client = TcpClient::Connect(address);
  return client.Ok() && client.Value().Echoes("ping");
}

}  // namespace

TEST_CASE("ten reloads under a load of short connections: no request fails") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(2));
  daemon.Serve(2);
  Load load(LoadKind::kEcho, daemon.Address(), 4);
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t before = load.Ok();
    CHECK(daemon.Reload());
    CHECK(WaitUntil(kTimeout, [&] { return load.Ok() > before + 20; }));
  }
  const LoadResult result = load.Stop();
  CAPTURE(result.Text());
  CHECK(result.Failed() == 0);
  CHECK(result.ok > 200);
  CHECK(daemon.AwaitEvents("reload_done generation=11", 1) == 1);
}

TEST_CASE("HUPs during a reload cause one more reload, and nothing is lost") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(2));
  daemon.Serve(2);
  for (int i = 0; i < 50; ++i) daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForEvent("reload_done"));
  CHECK(daemon.AwaitWorkers(2));
  CHECK(Reaches(daemon.Address()));
}

TEST_CASE("the number of workers follows the file: 4, 1, 8") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(4));
  daemon.Serve(4);
  for (const int workers : {1, 8, 4}) {
    daemon.WriteConfig(Config(workers));
    CHECK(daemon.Reload());
    CHECK(daemon.AwaitWorkers(static_cast<std::size_t>(workers)));
    CHECK(Reaches(daemon.Address()));
  }
}

TEST_CASE("a listener is added and removed; the one that stays is the same socket all the time") {
  DaemonProcess daemon;
  const std::string path = daemon.Path("more.sock");
  daemon.WriteConfig(Config(2));
  daemon.Serve(2);
  const std::string kept = daemon.Address();
  const std::vector<std::string> at_first = Sockets(daemon);

  daemon.WriteConfig(Config(2, {"127.0.0.1:0", "unix:" + path}));
  CHECK(daemon.Reload());
  CHECK(Reaches("unix:" + path));
  CHECK(Reaches(kept));
  REQUIRE(daemon.AwaitWorkers(2));
  // Of the first sockets only the listener and the control socket are left: each channel was closed with its
  // worker.
  CHECK(WaitUntil(kTimeout, [&] { return Common(at_first, Sockets(daemon)) == 2; }));
  const std::vector<std::string> with_both = Sockets(daemon);

  daemon.WriteConfig(Config(2, {"unix:" + path}));
  CHECK(daemon.Reload());
  CHECK(Reaches("unix:" + path));
  CHECK_FALSE(TcpClient::Connect(kept).Ok());
  CHECK(daemon.AwaitEvents("listener_closed address=" + kept, 1) == 1);
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(WaitUntil(kTimeout, [&] { return Common(with_both, Sockets(daemon)) == 2; }));

  daemon.WriteConfig(Config(2));
  CHECK(daemon.Reload());
  CHECK(ReadFile(path).empty());
  CHECK_FALSE(TcpClient::Connect("unix:" + path).Ok());
}

TEST_CASE("a reload is refused if a listener cannot be bound, and nothing has changed") {
  DaemonProcess other;
  other.Serve(1, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "1"});
  DaemonProcess daemon;
  daemon.WriteConfig(Config(2));
  daemon.Serve(2);
  daemon.WriteConfig(Config(2, {"127.0.0.1:0", other.Address()}));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents("reload_refused why~EADDRINUSE why~" + other.Address(), 1) == 1);
  CHECK(Reaches(daemon.Address()));
  CHECK(daemon.DescriptorDifference().empty());
}

TEST_CASE("a generation whose workers crash at start is abandoned; the old one serves on") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(FaultConfig());
  daemon.Serve(2);
  daemon.ExpectEvent("worker_exited exit=1");
  daemon.WriteConfig(FaultConfig({{"crash_at_start", "all"}}));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.CountEvents("worker_exited state=starting exit=1") >= 1);
  CHECK(daemon.AwaitEvents("reload_abandoned gen=1 generation=2 why~\"generation 2\"", 1) == 1);
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(daemon.ReadyWorkers().at(0).incarnation == 1);
  CHECK(daemon.ReadyWorkers().at(1).incarnation == 2);
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("hello\n"));
  CHECK(client.ReadUntil("\n"));

  daemon.WriteConfig(FaultConfig());
  CHECK(daemon.Reload());
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a generation that hangs at start is abandoned at start_timeout") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(FaultConfig());
  daemon.Serve(2);
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(FaultConfig({{"hang_at_start", "all"}})
                         .Set("supervision.start_timeout", "300ms")
                         .Set("supervision.drain_timeout", "100ms"));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents("reload_abandoned", 1) == 1);
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a stop in the middle of a reload stops both generations") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(FaultConfig());
  daemon.Serve(2);
  daemon.WriteConfig(FaultConfig({{"hang_at_start", "all"}}));
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.IgnoreDescriptors();
  daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForEvent("worker_started", 4));
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForEvent("stopping"));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
}

}  // namespace preforkd::testing
