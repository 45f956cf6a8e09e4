// Pools: services with workers of their own. What happens in one pool does not affect the others.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/exit_code.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/metrics_page.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"
#include "tests/support/web_load.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

#ifdef PREFORKD_SANITIZED
constexpr Duration kNoise = milliseconds(30);  // two forks of 10 ms, in which the master hands nobody over
#else
constexpr Duration kNoise = milliseconds(2);
#endif

// Listener 0: web, in main, with two workers. 1: app, a `fault` service in a pool of its own with two. 2:
// status, alone.
ConfigText Config() {
  return ConfigText()
      .Workers(2)
      .Pool("app", {{"workers", 2}})
      .Pool("look", {{"workers", 1}})
      .Listen("web")
      .Listen("app", "127.0.0.2:0")
      .Listen("look", "127.0.0.3:0")
      .Service("web", "http")
      .Service("app", "fault", {{"pool", "app"}})
      .Service("look", "status", {{"pool", "look"}});
}

std::string Ask(const std::string& address, const std::string& command) {
  TcpClient client(address);
  if (!client.SendAll(command + "\n")) return {};
  return client.ReadUntil("\n").value_or("");
}

// The workers of all pools except app.
std::set<pid_t> OfMainAndLook(const DaemonProcess& daemon, const std::string& app) {
  const std::vector<pid_t> all = daemon.WorkerPids();
  std::set<pid_t> others(all.begin(), all.end());
  const bool both = WaitUntil(kTimeout, [&] {
    others.erase(static_cast<pid_t>(std::atoi(Ask(app, "pid").c_str())));
    return others.size() == all.size() - 2;
  });
  REQUIRE(both);
  return others;
}

// What several loads have in common.
struct Sum {
  // The p99 of the best of them. Other work on the machine only adds, and need not be there in each of them;
  // what the server does is.
  Duration best_p99 = Duration::max();
  std::size_t answered = 0;
  std::map<std::string, std::uint64_t> failed;

  void Add(WebLoad& load) {
    const WebLoadResult result = load.Stop();
    REQUIRE_FALSE(result.answered.empty());
    best_p99 = std::min(best_p99, result.Quantile(0.99));
    answered += result.answered.size();
    for (const auto& [why, count] : result.failed) failed[why] += count;
  }
};

// Clients of a `fault` service. The first blocks its worker for a second; the others wait to be answered.
std::vector<std::unique_ptr<TcpClient>> ThirtyBehindOne(const std::string& address) {
  std::vector<std::unique_ptr<TcpClient>> clients;
  for (int i = 0; i <= 30; ++i) {
    clients.push_back(std::make_unique<TcpClient>(address));
    REQUIRE(clients.back()->SendAll(i == 0 ? "sleep 1000\n" : "hello\n"));
  }
  return clients;
}

void Pass(Duration time) {
  (void)WaitUntil(time, [] { return false; });
}

}  // namespace

TEST_CASE("each pool has workers of its own, which run only its services") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(5);
  std::set<std::string> of_app;
  const auto ask = [&] {
    of_app.insert(Ask(daemon.Address(1), "pid"));
    return of_app.size() >= 2;
  };
  // A worker that does not get CPU time is passed over, perhaps many times.
  CHECK(WaitUntil(kTimeout, ask));
  for (int i = 0; i < 20; ++i) (void)ask();
  CHECK(of_app.size() == 2);
  CHECK(HttpClient(daemon.Address(0)).Get("/")->status == 200);
  CHECK(HttpClient(daemon.Address(2)).Get("/healthz")->status == 200);
  CHECK(daemon.AwaitEvents("serving generation=1 workers=5 pools=3", 1) == 1);
}

TEST_CASE("a pool whose workers are all blocked, and killed once a second, does not delay the other pools") {
  DaemonProcess quiet(kPreforkdWithFaults);  // for comparison
  quiet.WriteConfig(Config());
  quiet.Serve(5);
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config().Set("pool.app.backoff_max", "200ms"));
  daemon.ExpectEvent("worker_exited pool=app");
  daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");  // of SIGINT
  daemon.Serve(5);
  daemon.IgnoreDescriptors();  // of extra workers of app
  const std::set<pid_t> others = OfMainAndLook(daemon, daemon.Address(1));
  WebLoadPlan plan;
  plan.target = "/";
  plan.body = HttpClient(daemon.Address(0)).Get("/")->body;
  plan.per_second = 300;
  Sum beside_idle;
  Sum beside_blocked;
  std::vector<std::unique_ptr<TcpClient>> blocking;
  const auto kill_app = [&] {
    for (const pid_t pid : daemon.WorkerPids()) {
      if (!others.contains(pid)) ::kill(pid, SIGKILL);
    }
  };
  const Yardstick machine;
  // In turn, so that other work on this machine affects both alike.
  for (int round = 0; round < 5; ++round) {
    plan.address = quiet.Address(0);
    {
      WebLoad load(plan);
      Pass(seconds(1));
      beside_idle.Add(load);
    }
    for (int i = 0; i < 10; ++i) {
      blocking.push_back(std::make_unique<TcpClient>(daemon.Address(1)));
      CHECK(blocking.back()->SendAll("sleep 5000\n"));
    }
    plan.address = daemon.Address(0);
    WebLoad load(plan);
    Pass(milliseconds(500));
    kill_app();
    // Whatever happens to app, the others are ready and report it correctly.
    CHECK(HttpClient(daemon.Address(2)).Get("/healthz")->status == 200);
    CHECK(HttpClient(daemon.Address(2)).Get("/readyz"));
    CHECK(MetricsPage::Read(daemon.Address(2)));
    const ServerStatus status = AskStatus(daemon.Address(2));
    CHECK_MESSAGE(status.Exact(), status.Text());
    Pass(milliseconds(500));
    beside_blocked.Add(load);
  }
  MESSAGE(fmt::format(
      "p99 of the others: {:.1f} ms beside an idle pool, {:.1f} ms beside the blocked and killed one",
      Seconds(beside_idle.best_p99) * 1e3, Seconds(beside_blocked.best_p99) * 1e3));
  CHECK(beside_idle.failed.empty());
  CHECK(beside_blocked.failed.empty());
  CHECK(beside_blocked.answered > 500);
  // The bound is never below the machine's own noise.
  CHECK(beside_blocked.best_p99 <= std::max<Duration>(2 * beside_idle.best_p99, machine.Allow(kNoise)));
  const std::vector<pid_t> now = daemon.WorkerPids();
  CHECK(std::all_of(others.begin(), others.end(),
                    [&](pid_t pid) { return std::find(now.begin(), now.end(), pid) != now.end(); }));
  blocking.clear();
  daemon.Signal(SIGINT);
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("a reload adds, removes and changes pools and moves a service; idle clients notice nothing") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(5);
  KeepAliveClients web(daemon.Address(0), 20);
  KeepAliveClients look(daemon.Address(2), 20);
  REQUIRE(daemon.AwaitAllParked());
  daemon.WriteConfig(ConfigText()
                         .Workers(1)
                         .Pool("fresh", {{"workers", 2}})
                         .Listen("web")
                         .Listen("look", "127.0.0.3:0")
                         .Service("web", "http", {{"pool", "fresh"}})
                         .Service("look", "status"));
  REQUIRE(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(3));
  CHECK(web.Answered() == 20);
  CHECK(look.Answered() == 20);
  daemon.WriteConfig(Config());
  REQUIRE(daemon.Reload());
  REQUIRE(daemon.AwaitWorkers(5));
  CHECK(web.Answered() == 20);
  CHECK(look.Answered() == 20);
  CHECK(AskStatus(daemon.Address(2)).lost == 0);
}

TEST_CASE(
    "a service moves to a pool that is there, others go: clients that wait for it are served, none is lost") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(ConfigText()
                         .Workers(1)
                         .Pool("app", {{"workers", 1}, {"workers_max", 1}})
                         .Listen("app")
                         .Listen("gone", "127.0.0.2:0")
                         .Listen("look", "127.0.0.3:0")
                         .Service("app", "fault", {{"pool", "app"}})
                         .Service("gone", "echo")
                         .Service("look", "status")
                         .Set("dispatch.max_queue", 1));
  daemon.Serve(2);
  daemon.IgnoreDescriptors();  // fewer listeners and workers
  const auto clients = ThirtyBehindOne(daemon.Address(0));
  daemon.WriteConfig(ConfigText()
                         .Workers(1)
                         .Listen("app", "127.0.0.4:0")
                         .Listen("look", "127.0.0.3:0")
                         .Service("app", "fault")
                         .Service("look", "status"));
  REQUIRE(daemon.Reload());
  for (const auto& client : clients) CHECK(client->ReadUntil("\n"));
  CHECK(AskStatus(daemon.Address(2)).lost == 0);
}

TEST_CASE("a service goes: who had asked by then is answered by the worker that leaves") {
  DaemonProcess daemon(kPreforkdWithFaults);
  const auto config = [] {
    return ConfigText()
        .Workers(1)
        .Listen("look")
        .Listen("block", "127.0.0.2:0")
        .Service("look", "status", {{"pool", "look"}})
        .Service("block", "fault")
        .Pool("look", {{"workers", 1}})
        .Set("parking.after", "1h");
  };
  daemon.WriteConfig(config().Listen("web", "127.0.0.3:0").Service("web", "http"));
  daemon.Serve(2);
  daemon.IgnoreDescriptors();  // fewer listeners
  TcpClient web(daemon.Address(2));
  const std::string asks = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
  REQUIRE((web.SendAll(asks) && web.ReadUntil("\r\n\r\n")));
  TcpClient blocking(daemon.Address(1));
  REQUIRE(blocking.SendAll("sleep 1000\n"));
  REQUIRE(WaitUntil(kTimeout, [&] {
    return HttpClient(daemon.Address(0)).Get("/status.json")->body.find("sleep") != std::string::npos;
  }));
  REQUIRE(web.SendAll(asks));
  daemon.WriteConfig(config());
  REQUIRE(daemon.Reload());
  CHECK(web.ReadUntil("\r\n\r\n").value_or("").starts_with("HTTP/1.1 200"));
  CHECK(blocking.ReadUntil("\n"));
  CHECK(AskStatus(daemon.Address(0)).lost == 0);
}

TEST_CASE(
    "a stop finds a reload that gives a pool another name: clients that wait for it are served all the "
    "same") {
  DaemonProcess daemon(kPreforkdWithFaults);
  const auto config = [](const std::string& pool, int workers) {
    return ConfigText()
        .Pool(pool, {{"workers", workers}, {"workers_max", workers}})
        .Listen("app")
        .Service("app", "fault", {{"pool", pool}})
        .Set("dispatch.max_queue", 1);
  };
  daemon.WriteConfig(config("app", 1));
  daemon.Serve(1);
  const auto clients = ThirtyBehindOne(daemon.Address());
  daemon.WriteConfig(config("other", 20));  // they take their time to start
  daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForEvent("reload_started"));
  daemon.Signal(SIGTERM);
  for (const auto& client : clients) {
    CHECK(client->ReadUntil("\n"));
    client->Close();
  }
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.Events("stopped").at(0).Number("lost") == 0);
}

TEST_CASE("a pool that never served keeps its name in the metrics of its restarts") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.ExpectEvent("worker_exited pool=fresh");
  daemon.Serve(5);
  daemon.WriteConfig(Config()
                         .Pool("fresh", {{"workers", 1}})
                         .Listen("fresh", "127.0.0.4:0")
                         .Service("fresh", "fault", {{"pool", "fresh"}, {"crash_at_start", "all"}}));
  CHECK_FALSE(daemon.Reload());
  const auto page = MetricsPage::Read(daemon.Address(2));
  REQUIRE(page);
  CHECK(page->Value("preforkd_worker_restarts_total{pool=\"fresh\",reason=\"start\"}") > 0);
}

TEST_CASE(
    "a pool whose workers always crash at start: the reload is abandoned, and the old generation serves on") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.ExpectEvent("worker_exited pool=app");
  daemon.Serve(5);
  KeepAliveClients web(daemon.Address(0), 10);
  daemon.WriteConfig(Config().Set("service.app.crash_at_start", "all"));
  CHECK_FALSE(daemon.Reload());
  CHECK(daemon.AwaitEvents("reload_abandoned why~\"generation 2\" why~app", 1) == 1);
  REQUIRE(daemon.AwaitWorkers(5));
  CHECK(web.Answered() == 10);
  CHECK(Ask(daemon.Address(1), "hello").starts_with("hello "));
}

TEST_CASE("a pool whose workers always crash at start, at server start: exit 69, with the pool's name") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config().Set("service.app.crash_at_start", "all"));
  daemon.ExpectEvent("worker_exited pool=app");
  daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");  // in the other pools
  CHECK(daemon.Run({}) == static_cast<int>(ExitCode::kUnavailable));
  CHECK(daemon.AwaitEvents("gave_up why~app why~\"exit status 1\"", 1) == 1);
}

}  // namespace preforkd::testing
