// More requests than application threads: they wait in the master while the server is reloaded, upgraded and
// stopped, and each client gets its answer.
#include <doctest/doctest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "tests/support/askers.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/wait_until.h"

namespace preforkd::testing {
namespace {

constexpr int kClients = 40;

ConfigText Config() {
  return ConfigText()
      .Workers(2)
      .Set("workers_max", 2)
      .Set("parking.after", "1ms")
      .Listen("m")
      .Service("m", "module", {{"path", RunfilePath("tests/module/blocker.so")}});
}

}  // namespace

TEST_CASE(
    "reloads, an upgrade and a killed worker while requests wait: only what a thread was serving fails") {
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  Askers clients(daemon.Address(), kClients, 200,
                 [](int, int) { return "GET /sleep?ms=10 HTTP/1.1\r\nHost: x\r\n\r\n"; });
  for (int i = 0; i < 3; ++i) {
    REQUIRE(clients.AwaitAnswers(100));
    REQUIRE(daemon.Reload());
  }
  REQUIRE(clients.AwaitAnswers(100));
  daemon.Signal(SIGUSR2);
  REQUIRE(daemon.WaitForEvent("upgrade_resumed"));
  REQUIRE(daemon.AwaitWorkers(2));
  REQUIRE(clients.AwaitAnswers(100));
  REQUIRE(::kill(daemon.ReadyWorkers().at(0).pid, SIGKILL) == 0);
  REQUIRE(daemon.WaitForEvent("worker_exited exit=SIGKILL"));
  REQUIRE(clients.AwaitAnswers(100));
  const Askers::Outcome outcome = clients.Stop();
  MESSAGE(outcome.done.size(), " answered, ", outcome.cut, " cut off");
  CHECK(outcome.others.empty());
  CHECK(outcome.cut <= 4);  // one was served; and what was on its way (worker_kills.h)
}

TEST_CASE("a stop while requests wait: each is answered") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  std::vector<HttpClient> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(daemon.Address());
    REQUIRE(clients.back().Ask("/sleep?ms=50"));
  }
  // Both threads have begun one, and the others have had time to go back.
  CHECK(clients.front().ReadResponse().value_or(HttpResponse{}).status == 200);
  daemon.Signal(SIGTERM);
  for (std::size_t i = 1; i < clients.size(); ++i) {
    CAPTURE(i);
    CHECK(clients[i].ReadResponse().value_or(HttpResponse{}).status == 200);
  }
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.CountEvents("stopped lost=0") == 1);
}

}  // namespace preforkd::testing
