// Many reloads in a short time: they are coalesced, and there are never workers of three generations.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <string>

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

// How many generations had workers at once, by the master's own order of events. The rows of the scoreboard
// cannot tell: a reader that is interrupted between two rows sees the old of one moment and the new of
// another.
std::size_t MaxGenerationsAtOnce(const std::string& log) {
  std::map<int, int> generation_of;  // by incarnation
  int starting = 1;
  std::size_t max = 0;
  for (const LogEntry& entry : ReadLog(log)) {
    const std::string event = entry.Field("event");
    const int incarnation = static_cast<int>(entry.Number("inc"));
    if (event == "reload_started") starting = static_cast<int>(entry.Number("generation"));
    if (event == "worker_started") generation_of[incarnation] = starting;
    if (event == "worker_retired" || event == "worker_exited") generation_of.erase(incarnation);
    std::set<int> alive;
    for (const auto& [inc, generation] : generation_of) alive.insert(generation);
    max = std::max(max, alive.size());
  }
  return max;
}

}  // namespace

TEST_CASE("50 HUPs in a second: at most two generations at any moment, and idle clients stay connected") {
  constexpr int kClients = 50;
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  Pace pace(milliseconds(20));
  for (int i = 0; i < 50; ++i) {
    daemon.Signal(SIGHUP);
    const ServerStatus status = AskStatus(daemon.Address(1));
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
  const std::size_t at_once = MaxGenerationsAtOnce(daemon.Log());
  MESSAGE(fmt::format(
      "{} reloads, at most {} generations at once; the last took {:.0f} ms until the old workers had ended",
      daemon.CountEvents("reload_done"), at_once, Seconds(Now() - last) * 1e3));
  CHECK(at_once == 2);
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
  const bool served =
      WaitUntil(kTimeout, [&] { return daemon.CountEvents("reload_done generation=3") == 1; });
  CHECK(served);
  CHECK(Now() - asked > seconds(1));
  CHECK(stubborn.IsClosedByPeer());
  CHECK(daemon.AwaitWorkers(2));
  CHECK(daemon.AwaitEvents("reload_waits", 1) == 1);
  CHECK(MaxGenerationsAtOnce(daemon.Log()) == 2);
}

}  // namespace preforkd::testing
