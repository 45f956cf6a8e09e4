// Pools in what the real server reports, and commands for one of them: status, metrics, readiness,
// preforkctl.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

using Json = nlohmann::json;

// Listener 0: web, in main, with two workers. 1: status, alone in a pool. The pool app has two workers and a
// long back-off.
ConfigText Config() {
  return ConfigText()
      .Workers(2)
      .Pool("app", {{"workers", 2}, {"backoff_min", "4s"}, {"backoff_max", "4s"}})
      .Pool("look", {{"workers", 1}})
      .Listen("web")
      .Listen("look", "127.0.0.3:0")
      .Service("web", "http")
      .Service("app", "echo", {{"pool", "app"}})
      .Service("look", "status", {{"pool", "look"}});
}

std::string Page(const DaemonProcess& daemon, const std::string& path) {
  const auto response = HttpClient(daemon.Address(1)).Get(path, "Connection: close\r\n");
  return response ? fmt::format("{} {}", response->status, response->body) : std::string();
}

Json Status(const DaemonProcess& daemon) {
  const CommandResult said = Ctl(daemon, {"--json", "status"});
  CAPTURE(said.err);
  REQUIRE(said.code == 0);
  return Json::parse(said.out);
}

Json Pool(const DaemonProcess& daemon, const std::string& name) {
  const Json status = Status(daemon);
  for (const Json& pool : status["pools"]) {
    if (pool["name"] == name) return pool;
  }
  return {};
}

void KillApp(const DaemonProcess& daemon) {
  const Json status = Status(daemon);
  for (const Json& worker : status["workers"]) {
    const pid_t pid = worker["pid"];
    if (worker["pool"] == "app" && pid > 0) (void)::kill(pid, SIGKILL);
  }
}

}  // namespace

TEST_CASE("each pool is shown, and can be scaled by its name") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(5);
  std::string names;
  const Json status = Status(daemon);
  for (const Json& pool : status["pools"]) names += pool["name"].get<std::string>() + " ";
  CHECK(names == "main app look ");
  CHECK(Pool(daemon, "app")["workers_max"] == 2);
  CHECK(Ctl(daemon, {"status"}).out.find("\napp   serving       2") != std::string::npos);
  CHECK(Page(daemon, "/readyz") == "200 ready\n");
  CHECK(Page(daemon, "/metrics").find("\npreforkd_workers{pool=\"app\",state=\"ready\"} 2\n") !=
        std::string::npos);

  CHECK(Ctl(daemon, {"scale", "app=3"}).out == "pool 'app': worker count set to 3\n");
  REQUIRE(WaitUntil(kTimeout, [&] { return Pool(daemon, "app")["ready"] == 3; }));
  CHECK(Ctl(daemon, {"scale", "3"}).code == 0);  // main
  REQUIRE(WaitUntil(kTimeout, [&] { return Pool(daemon, "main")["ready"] == 3; }));
  CHECK(Ctl(daemon, {"scale", "ap=3"}).err ==
        "preforkctl: scale: there is no pool 'ap'; did you mean 'app'?\n");
  CHECK(Ctl(daemon, {"scale", "app=253"}).err ==
        "preforkctl: scale: 1 to 252 workers in pool 'app': the limit for all pools together is 256\n");
  CHECK(Pool(daemon, "app")["workers_wanted"] == 3);
  daemon.IgnoreDescriptors();  // of two additional workers
}

TEST_CASE("a pool without a ready worker is reported as degraded by its name, while the others serve") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(5);
  daemon.ExpectEvent("worker_exited pool=app exit=SIGKILL");
  const bool degraded = WaitUntil(kTimeout, [&] {
    KillApp(daemon);  // also the new ones, before they have served for long
    return Pool(daemon, "app")["state"] == "degraded";
  });
  REQUIRE(degraded);
  CHECK(Page(daemon, "/readyz") == "503 not ready: no worker is ready in: app\n");
  CHECK(Page(daemon, "/metrics").find("\npreforkd_pool_degraded{pool=\"app\"} 1\n") != std::string::npos);
  CHECK(Pool(daemon, "main")["state"] == "serving");
  CHECK(Status(daemon)["state"] == "degraded");
  CHECK(daemon.CountEvents("pool_degraded pool=app") >= 1);
  CHECK(daemon.WaitForEvent("pool_recovered pool=app"));
  REQUIRE(WaitUntil(kTimeout, [&] { return Page(daemon, "/readyz") == "200 ready\n"; }));
  CHECK(Status(daemon)["state"] == "serving");
}

}  // namespace preforkd::testing
