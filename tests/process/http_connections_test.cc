// HTTP keep-alive connections across everything that ends a worker: none is lost.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"

namespace preforkd::testing {
namespace {

const std::vector<std::string> kFlags = {"--service", "http", "--listen", "127.0.0.1:0", "--workers", "2"};
constexpr int kClients = 200;

std::vector<HttpClient> Connect(const DaemonProcess& daemon) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(daemon.Address());
  return clients;
}

// How many clients get a 200 on the connection that they have.
int Answered(std::vector<HttpClient>& clients) {
  int answered = 0;
  for (HttpClient& client : clients) {
    const std::optional<HttpResponse> response = client.Get("/");
    answered += response && response->status == 200 ? 1 : 0;
  }
  return answered;
}

}  // namespace

TEST_CASE("idle keep-alive connections survive reloads, one after the other") {
  DaemonProcess daemon;
  daemon.Serve(2, kFlags);
  std::vector<HttpClient> clients = Connect(daemon);
  CHECK(Answered(clients) == kClients);
  for (int i = 0; i < 3; ++i) {
    CHECK(daemon.Reload());
    CHECK(Answered(clients) == kClients);
  }
}

TEST_CASE("idle keep-alive connections survive a SIGKILL of every worker") {
  DaemonProcess daemon;
  daemon.Serve(2, kFlags);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGKILL");
  std::vector<HttpClient> clients = Connect(daemon);
  CHECK(Answered(clients) == kClients);
  REQUIRE(daemon.AwaitAllParked());
  for (const pid_t pid : daemon.WorkerPids()) REQUIRE(::kill(pid, SIGKILL) == 0);
  CHECK(Answered(clients) == kClients);
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("ten reloads under a load of short HTTP connections: no request fails") {
  DaemonProcess daemon;
  daemon.Serve(2, kFlags);
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t before = load.Ok();
    CHECK(daemon.Reload());
    CHECK(WaitUntil(kTimeout, [&] { return load.Ok() > before + 20; }));
  }
  const LoadResult result = load.Stop();
  CAPTURE(result.Text());
  CHECK(result.Failed() == 0);
}

}  // namespace preforkd::testing
