// stop_delay: a server that was told to stop says so to whoever asks, and serves on until a load balancer has
// had time to hear it.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Listener 0 serves, listener 1 tells.
std::string ConfigWith(const std::string& stop_delay, const std::string& type = "http") {
  return fmt::format(
      "workers = 2\n[supervision]\nstop_delay = \"{}\"\n"
      "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n"
      "[[listen]]\naddress = \"127.0.0.2:0\"\nservice = \"look\"\n"
      "[service.web]\ntype = \"{}\"\n[service.look]\ntype = \"status\"\n",
      stop_delay, type);
}

// On a connection of its own. Throws when nobody accepts it.
int StatusOf(const std::string& address, const std::string& path) {
  const std::optional<HttpResponse> response = HttpClient(address).Get(path);
  return response ? response->status : 0;
}

void StopAtOnce(DaemonProcess& daemon) {
  daemon.IgnoreDescriptors();
  daemon.ExpectLine("died while retiring: signal 9");
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait(seconds(10)) == 0);
  CHECK(daemon.CountLog("stopping at once") == 1);
}

}  // namespace

TEST_CASE("told to stop, it is not ready at once, and new clients are served until the second TERM") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("10m"));
  daemon.Serve(2);
  HttpClient kept(daemon.Address());
  REQUIRE(kept.Get("/"));
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 200);
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForLog("stopping: not ready any more; new connections are taken for 600 s"));
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  CHECK(StatusOf(daemon.Address(1), "/healthz") == 200);
  // Those who are there, and those who come, are served and asked to leave.
  const std::optional<HttpResponse> there = kept.Get("/");
  REQUIRE(there);
  CHECK(there->status == 200);
  CHECK(there->headers.at("connection") == "close");
  CHECK(StatusOf(daemon.Address(), "/") == 200);
  StopAtOnce(daemon);
}

TEST_CASE(
    "while it waits, workers that die are replaced, and neither a reload nor an upgrade makes it ready "
    "again") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("10m"));
  daemon.Serve(2);
  daemon.ExpectLine("died while ready: signal 9");
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForLog("not ready any more"));
  daemon.Signal(SIGHUP);
  daemon.Signal(SIGUSR2);
  for (const pid_t worker : daemon.WorkerPids()) ::kill(worker, SIGKILL);
  REQUIRE(daemon.WaitForLog("died while ready: signal 9", 2));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(StatusOf(daemon.Address(), "/") == 200);
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  CHECK(daemon.CountLog("generation 2") == 0);
  StopAtOnce(daemon);
}

TEST_CASE("a reload under way when the stop comes is finished, and does not make it ready again") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("10m"));
  daemon.Serve(2);
  daemon.Signal(SIGHUP);
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForLog("not ready any more"));
  REQUIRE(daemon.WaitForLog("generation 2 serves"));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(StatusOf(daemon.Address(), "/") == 200);
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  StopAtOnce(daemon);
}

TEST_CASE("a reload that waits for the one before it is not begun after the stop has been asked for") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(ConfigWith("10m", "fault"));
  daemon.Serve(2);
  daemon.WriteConfig(ConfigWith("10m\"\nstart_timeout = \"1s\"\ndrain_timeout = \"500ms", "fault") +
                     "[service.bad]\ntype = \"fault\"\nhang_at_start = \"all\"\n");
  daemon.ExpectLine("died while starting");
  daemon.ExpectLine("died while retiring");  // the other one, which hangs there too
  daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForLog("generation 2 is starting"));
  daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForLog("reload waits"));
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForLog("not ready any more"));
  REQUIRE(daemon.WaitForLog("died while starting"));
  REQUIRE(daemon.AwaitWorkers(2));  // what has failed is cleared away, and the next would begin now
  TcpClient client(daemon.Address());
  CHECK(client.SendAll("hello\n"));
  CHECK(client.ReadUntil("\n").value_or("").starts_with("hello "));
  client.Close();
  CHECK(StatusOf(daemon.Address(1), "/readyz") == 503);
  CHECK(daemon.CountLog("generation 3 is starting") == 0);
  StopAtOnce(daemon);
}

TEST_CASE("the delay ends by itself: then nobody is accepted, and the workers leave") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigWith("300ms"));
  daemon.Serve(2);
  const std::string address = daemon.Address();
  const Time told = Now();
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(Now() - told >= milliseconds(290));
  CHECK(daemon.CountLog("stopping: no new connections; workers have 30 s to finish") == 1);
  CHECK_FALSE(TcpClient::Connect(address).Ok());
}

TEST_CASE("who has never been ready does not wait") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(ConfigWith("10m") + "[service.bad]\ntype = \"fault\"\nhang_at_start = \"all\"\n");
  daemon.ExpectLine("died while ");
  daemon.Start();
  REQUIRE(daemon.WaitForLog("started, pid", 2));
  daemon.Signal(SIGTERM);
  REQUIRE(daemon.WaitForLog("stopping: no new connections"));
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait(seconds(10)) == 0);
  CHECK(daemon.CountLog("not ready any more") == 0);
}

}  // namespace preforkd::testing
