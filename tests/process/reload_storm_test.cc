// Many reloads in a short time: they are coalesced, and there are never workers of three generations.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/pace.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ConfigText Config() {
  return ConfigText()
      .Workers(2)
      .Set("supervision.drain_timeout", "2s")
      .Listen("web")
      .Listen("look", "127.0.0.2:0")
      .Listen("stubborn", "127.0.0.3:0")
      .Service("web", "http")
      .Service("look", "status")
      .Service("stubborn", "fault", {{"ignore_retire", true}});
}

}  // namespace

TEST_CASE("50 HUPs in a second: at most two generations at any moment, and idle clients stay connected") {
  constexpr int kClients = 50;
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  std::size_t most = 0;
  Pace pace(milliseconds(20));
  for (int i = 0; i < 50; ++i) {
    daemon.Signal(SIGHUP);
    const ServerStatus status = AskStatus(daemon.Address(1));
    most = std::max(most, status.generations.size());
    CHECK(status.Exact());
    pace.Wait();
  }
  // Old workers retire at once: they had only idle connections.
  CHECK(daemon.AwaitWorkers(2));
  const Yardstick machine;
  const Time last = Now();
  CHECK(daemon.Reload());
  CHECK(daemon.AwaitWorkers(2));
  CHECK(Now() - last < machine.Allow(seconds(1)));
  MESSAGE(fmt::format(
      "{} reloads, at most {} generations at once; the last took {:.0f} ms until the old workers had ended",
      daemon.CountEvents("reload_done"), most, Seconds(Now() - last) * 1e3));
  CHECK(most <= 2);
  CHECK(clients.Answered() == kClients);
  CHECK(AskStatus(daemon.Address(1)).lost == 0);
}

TEST_CASE("a reload waits for a generation that is still draining, for at most its drain_timeout") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  TcpClient stubborn(daemon.Address(2));
  REQUIRE(stubborn.SendAll("hello\n"));
  REQUIRE(stubborn.ReadUntil("\n"));
  CHECK(daemon.Reload());
  const Time asked = Now();
  daemon.Signal(SIGHUP);
  daemon.Signal(SIGHUP);
  CHECK(daemon.WaitForEvent("reload_waits for=workers"));
  const bool served = WaitUntil(kTimeout, [&] {
    CHECK(AskStatus(daemon.Address(1)).generations.size() <= 2);
    return daemon.CountEvents("reload_done generation=3") == 1;
  });
  CHECK(served);
  CHECK(Now() - asked > seconds(1));
  CHECK(stubborn.IsClosedByPeer());
  CHECK(daemon.AwaitWorkers(2));
  CHECK(daemon.CountEvents("reload_waits") == 1);
}

}  // namespace preforkd::testing
