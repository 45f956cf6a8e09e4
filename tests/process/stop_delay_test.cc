// stop_delay: a server that was told to stop is not ready any more, but serves on until a load balancer has
// had time to notice.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Listener 0 serves, listener 1 shows the status.
ConfigText ConfigWith(const std::string& stop_delay, const std::string& type = "http") {
  return ConfigText()
      .Workers(2)
      .Set("supervision.stop_delay", stop_delay)
      .Listen("web")
      .Listen("look", "127.0.0.2:0")
      .Service("web", type)
      .Service("look", "status");
}

// On a connection of its own. Throws if it is not accepted.
int StatusOf(const std::string& address, const std::string& path) {
  const std::optional<HttpResponse> response = HttpClient(address).Get(path);
  return response ? response->status : 0;
}

void StopAtOnce(DaemonProcess& daemon) {
  daemon.IgnoreDescriptors();
  daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait(seconds(10)) == 0);
  CHECK(daemon.AwaitEvents("stopping_now", 1) == 1);
}

}  // namespace

TEST_CASE("a server that was told to stop is not ready, and serves new clients until the second TERM") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("10m"));
  daemon.Serve(2);
  HttpClient kept(daemon.Address());
  REQUIRE(kept.Get("/"));
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 200);
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForEvent("stop_delay seconds=600"));
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  CHECK(StatusOf(daemon.Address(1), "/healthz") == 200);
  // Connected and new clients are served and told to close.
  const std::optional<HttpResponse> there = kept.Get("/");
  REQUIRE(there);
  CHECK(there->status == 200);
  CHECK(there->headers.at("connection") == "close");
  CHECK(StatusOf(daemon.Address(), "/") == 200);
  StopAtOnce(daemon);
}

TEST_CASE(
    "during the delay workers that are killed are replaced, and neither a reload nor an upgrade makes the "
    "server ready again") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("10m"));
  daemon.Serve(2);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForEvent("stop_delay"));
  daemon.Signal(SIGHUP);
  daemon.Signal(SIGUSR2);
  for (const pid_t worker : daemon.WorkerPids()) ::kill(worker, SIGKILL);
  REQUIRE(daemon.WaitForEvent("worker_exited state=ready exit=SIGKILL", 2));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(StatusOf(daemon.Address(), "/") == 200);
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  CHECK(daemon.CountEvents("reload_started") == 0);
  CHECK(daemon.CountEvents("upgrade_exec") == 0);
  StopAtOnce(daemon);
}

TEST_CASE("a reload in progress when the stop comes is finished, and does not make the server ready again") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("10m"));
  daemon.Serve(2);
  daemon.Signal(SIGHUP);
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForEvent("stop_delay"));
  REQUIRE(daemon.WaitForEvent("reload_done generation=2"));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(StatusOf(daemon.Address(), "/") == 200);
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  StopAtOnce(daemon);
}

TEST_CASE("a waiting reload does not start after a stop") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(ConfigWith("10m", "fault"));
  daemon.Serve(2);
  daemon.WriteConfig(ConfigWith("10m", "fault")
                         .Set("supervision.start_timeout", "1s")
                         .Set("supervision.drain_timeout", "500ms")
                         .Service("bad", "fault", {{"hang_at_start", "all"}}));
  daemon.ExpectEvent("worker_exited state=starting exit=SIGKILL");
  daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");  // the other one, which hangs too
  daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForEvent("reload_started generation=2"));
  daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForEvent("reload_waits"));
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForEvent("stop_delay"));
  REQUIRE(daemon.WaitForEvent("worker_exited state=starting exit=SIGKILL"));
  REQUIRE(daemon.AwaitWorkers(2));  // the failed generation has ended, and the next reload would start now
  TcpClient client(daemon.Address());
  CHECK(client.SendAll("hello\n"));
  CHECK(client.ReadUntil("\n").value_or("").starts_with("hello "));
  client.Close();
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  CHECK(daemon.CountEvents("reload_started generation=3") == 0);
  StopAtOnce(daemon);
}

TEST_CASE("when the delay ends nothing is accepted any more, and the workers retire") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("300ms"));
  daemon.Serve(2);
  const std::string address = daemon.Address();
  const Time told = Now();
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(Now() - told >= milliseconds(290));
  REQUIRE(daemon.AwaitEvents("stopping", 1) == 1);
  CHECK(daemon.Events("stopping")[0].Number("seconds") == doctest::Approx(30).epsilon(0.02));
  CHECK_FALSE(TcpClient::Connect(address).Ok());
}

TEST_CASE("a server that has never been ready stops without the delay") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(ConfigWith("10m").Service("bad", "fault", {{"hang_at_start", "all"}}));
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.Start();
  REQUIRE(daemon.WaitForEvent("worker_started", 2));
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForEvent("stopping"));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait(seconds(10)) == 0);
  CHECK(daemon.CountEvents("stop_delay") == 0);
}

}  // namespace preforkd::testing
