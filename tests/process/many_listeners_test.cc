// Many listeners: each of them serves and is shown everywhere, also after a reload and an upgrade. A
// configuration with more listeners than the maximum is refused with that number.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "common/net/address.h"
#include "common/net/socket_ops.h"
#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/metrics_page.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

// One listener for the status on TCP, and `count` for echo on sockets whose names hold `mark`.
ConfigText Config(const DaemonProcess& daemon, int count, std::string_view mark) {
  ConfigText text;
  text.Workers(2).Listen("status").Service("status", "status").Service("echo", "echo");
  for (int i = 0; i < count; ++i) text.Listen("echo", fmt::format("unix:@{}{}", daemon.Path(mark), i));
  return text;
}

std::string Page(const DaemonProcess& daemon, const std::string& target) {
  HttpClient client(daemon.Address());
  const std::optional<HttpResponse> response = client.Get(target);
  REQUIRE(response);
  return response->body;
}

Json Status(const DaemonProcess& daemon) { return Json::parse(Page(daemon, "/status.json")); }

// Every listener serves, and each view shows each of them with what it has accepted.
void CheckAll(const DaemonProcess& daemon, int count, std::string_view mark, int accepted) {
  for (int i = 0; i < count; ++i) {
    TcpClient client(fmt::format("unix:@{}{}", daemon.Path(mark), i));
    CHECK(client.Echoes("hello"));
  }
  const Json status = Status(daemon);
  CHECK(status["listeners"].size() == static_cast<std::size_t>(count) + 1);
  const auto shown = [&](const std::string& address) {
    return std::any_of(status["listeners"].begin(), status["listeners"].end(), [&](const Json& listener) {
      return listener["address"] == address && listener["accepted"] == accepted;
    });
  };
  const MetricsPage metrics = MetricsPage::Parse(Page(daemon, "/metrics"));
  const CommandResult ctl = Ctl(daemon, {"status"});
  CHECK(metrics.Count("preforkd_accept_paused") == static_cast<std::size_t>(count) + 1);
  for (int i = 0; i < count; ++i) {
    const std::string address = fmt::format("unix:@{}{}", daemon.Path(mark), i);
    CAPTURE(address);
    CHECK(shown(address));
    CHECK(metrics.Value(fmt::format("preforkd_connections_accepted_total{{listener=\"{}\"}}", address)) ==
          accepted);
    CHECK(ctl.out.find(address + " ") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("80 listeners: status, metrics and preforkctl show every one") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(daemon, 80, "a"));
  daemon.Serve(2);
  CheckAll(daemon, 80, "a", 1);
}

TEST_CASE(
    "a reload replaces 80 listeners by 80 others: the new ones are shown, and the old ones are still "
    "counted") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(daemon, 80, "a"));
  daemon.Serve(2);
  CheckAll(daemon, 80, "a", 1);
  daemon.WriteConfig(Config(daemon, 80, "b"));
  REQUIRE(daemon.Reload());
  CheckAll(daemon, 80, "b", 1);
  const MetricsPage metrics = MetricsPage::Parse(Page(daemon, "/metrics"));
  CHECK(metrics.Count("preforkd_connections_accepted_total") == 161);
}

TEST_CASE("80 listeners across an upgrade go on counting") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(daemon, 80, "a"));
  daemon.Serve(2);
  CheckAll(daemon, 80, "a", 1);
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_done generation=2"));
  CheckAll(daemon, 80, "a", 2);
}

TEST_CASE(
    "too many listeners: the problem is reported with its place, and a reload with them changes nothing") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(daemon, 1, "a"));
  daemon.Serve(2);
  const std::string path = daemon.Path("many.log");
  WriteFile(path, Config(daemon, 1100, "b").Text());
  const CommandResult check = RunCommand({RunfilePath(kPreforkd), "--check", "-c", path});
  CHECK(check.code == 78);
  // After two keys and 1024 sections of three lines.
  CHECK((check.out + check.err).find(path + ":3075:1: there are 1101 listeners; write 1024 at most") !=
        std::string::npos);
  daemon.WriteConfig(Config(daemon, 1100, "b"));
  CHECK_FALSE(daemon.Reload());
  CheckAll(daemon, 1, "a", 1);
}

TEST_CASE(
    "too many sockets from the service manager: the server reports their number and the maximum, and does "
    "not start") {
  constexpr int kSockets = 1030;
  std::vector<UniqueFd> sockets;
  DaemonProcess daemon;
  const Result<ListenAddress> any = ParseListenAddress("127.0.0.1:0");
  for (int i = 0; i < kSockets; ++i) {
    Result<UniqueFd> fd = BindSocket(any.Value());
    if (!fd.Ok()) {
      MESSAGE("skipped: ", fd.Err().text);
      return;
    }
    REQUIRE(Listen(fd.Value().Get(), 1).Ok());
    daemon.PassSocket("many", fd.Value().Get());
    sockets.push_back(std::move(fd).Value());
  }
  CHECK(daemon.Run({"--service", "echo", "--listen", "systemd:many"}) == 71);
  CHECK(daemon.AwaitEvents("start_failed why~1030 why~1024", 1) == 1);
}

}  // namespace preforkd::testing
