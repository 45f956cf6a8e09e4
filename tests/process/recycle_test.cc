// Recycling: workers that have reached a limit are replaced one at a time. The successor starts first, and
// clients notice nothing.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr int kClients = 200;

ConfigText Config() {
  return ConfigText()
      .Workers(2)
      .Listen("web")
      .Listen("look", "127.0.0.2:0")
      .Listen("broken", "127.0.0.3:0")
      .Service("web", "http")
      .Service("look", "status")
      .Service("broken", "fault");
}

// The maximum of workers that were being replaced at the same time, by the order of the log.
int MostAtOnce(const DaemonProcess& daemon) {
  int now = 0;
  int max = 0;
  for (const LogEntry& entry : ReadLog(daemon.Log())) {
    if (entry.Field("event") == "worker_replaced") max = std::max(max, ++now);
    if (entry.Field("event") == "worker_retiring") --now;
  }
  return max;
}

// Each retired only when its successor was ready: there were never fewer than two.
bool SuccessorsFirst(const DaemonProcess& daemon) {
  int ready = 0;
  bool full = false;
  for (const LogEntry& entry : ReadLog(daemon.Log())) {
    if (entry.Field("event") == "worker_ready") ++ready;
    if (entry.Field("event") == "worker_retiring") --ready;
    if (full && ready < 2) return false;
    full = full || ready == 2;
  }
  return full;
}

// The clients go on asking until `query` has matched `count` lines of the log.
void AskUntilLogged(DaemonProcess& daemon, KeepAliveClients& clients, const char* query, std::size_t count) {
  const bool logged = WaitUntil(kTimeout, [&] {
    CHECK(clients.Answered() == kClients);
    return daemon.CountEvents(query) >= count;
  });
  CHECK(logged);
}

void CheckNoClientNoticed(const DaemonProcess& daemon, KeepAliveClients& clients) {
  CHECK(clients.Answered() == kClients);
  const ServerStatus status = AskStatus(daemon.Address(1));
  MESSAGE(fmt::format("{} workers recycled, {} reconnects; {}", daemon.CountEvents("worker_replaced"),
                      status.accepted_at_first - kClients, status.Text()));
  CHECK(status.accepted_at_first == kClients);
  CHECK(status.lost == 0);
  CHECK(status.restarts == 0);
  CHECK(status.Exact());
  CHECK(MostAtOnce(daemon) == 1);
  CHECK(SuccessorsFirst(daemon));
}

}  // namespace

TEST_CASE("workers are replaced after supervision.max_requests") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config().Set("supervision.max_requests", 300));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  AskUntilLogged(daemon, clients, "worker_replaced cause=max_requests", 4);
  CheckNoClientNoticed(daemon, clients);
}

TEST_CASE("workers are replaced after supervision.max_lifetime") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config().Set("supervision.max_lifetime", "2s"));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  AskUntilLogged(daemon, clients, "worker_replaced cause=max_lifetime", 4);
  CheckNoClientNoticed(daemon, clients);
}

TEST_CASE("only the worker that has grown beyond supervision.max_memory is replaced") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config().Set("supervision.max_memory", "256MiB"));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  {
    TcpClient greedy(daemon.Address(2));
    REQUIRE(greedy.SendAll("grow 300\n"));
    REQUIRE(greedy.ReadUntil("\n") == "done\n");
  }
  AskUntilLogged(daemon, clients, "worker_replaced cause=max_memory", 1);
  CHECK(daemon.WaitForEvent("worker_retiring"));
  CHECK(daemon.AwaitWorkers(2));
  CheckNoClientNoticed(daemon, clients);
  CHECK(daemon.AwaitEvents("worker_replaced", 1) == 1);
}

}  // namespace preforkd::testing
