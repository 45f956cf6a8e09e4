// Recycling: workers that have served for long enough are replaced one at a time, the successor first, and
// their clients notice nothing.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr int kClients = 200;

std::string Config(const std::string& limit) {
  return fmt::format(
      "workers = 2\n[supervision]\n{}\n"
      "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n"
      "[[listen]]\naddress = \"127.0.0.2:0\"\nservice = \"look\"\n"
      "[[listen]]\naddress = \"127.0.0.3:0\"\nservice = \"broken\"\n"
      "[service.web]\ntype = \"http\"\n[service.look]\ntype = \"status\"\n[service.broken]\ntype = "
      "\"fault\"\n",
      limit);
}

// The most that were on their way out at the same time, by the order of the log.
int MostAtOnce(const DaemonProcess& daemon) {
  int now = 0;
  int most = 0;
  for (const std::string& line : Lines(daemon.Log())) {
    if (line.find("is replaced: ") != std::string::npos) most = std::max(most, ++now);
    if (line.find(" retires") != std::string::npos) --now;
  }
  return most;
}

// Retired only when the successor was ready: there were never fewer than two.
bool SuccessorsFirst(const DaemonProcess& daemon) {
  int ready = 0;
  bool full = false;
  for (const std::string& line : Lines(daemon.Log())) {
    if (line.find(" is ready after ") != std::string::npos) ++ready;
    if (line.find(" retires") != std::string::npos) --ready;
    if (full && ready < 2) return false;
    full = full || ready == 2;
  }
  return full;
}

// The clients go on asking until `text` has been logged `count` times.
void AskUntilLogged(DaemonProcess& daemon, KeepAliveClients& clients, const char* text, std::size_t count) {
  const bool logged = WaitUntil(kTimeout, [&] {
    CHECK(clients.Answered() == kClients);
    return daemon.CountLog(text) >= count;
  });
  CHECK(logged);
}

void CheckNobodyNoticed(const DaemonProcess& daemon, KeepAliveClients& clients) {
  CHECK(clients.Answered() == kClients);
  const ServerStatus status = AskStatus(daemon.Address(1));
  MESSAGE(fmt::format("{} workers recycled, {} reconnects; {}", daemon.CountLog("is replaced: "),
                      status.accepted_at_first - kClients, status.Text()));
  CHECK(status.accepted_at_first == kClients);
  CHECK(status.lost == 0);
  CHECK(status.restarts == 0);
  CHECK(status.Exact());
  CHECK(MostAtOnce(daemon) == 1);
  CHECK(SuccessorsFirst(daemon));
}

}  // namespace

TEST_CASE("after supervision.max_requests") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("max_requests = 300"));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  AskUntilLogged(daemon, clients, "requests served, its limit is", 4);
  CheckNobodyNoticed(daemon, clients);
}

TEST_CASE("after supervision.max_lifetime") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("max_lifetime = \"2s\""));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  AskUntilLogged(daemon, clients, "s old, its limit is", 4);
  CheckNobodyNoticed(daemon, clients);
}

TEST_CASE("after supervision.max_memory: the one that has grown, and no other") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config("max_memory = \"256MiB\""));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  {
    TcpClient greedy(daemon.Address(2));
    REQUIRE(greedy.SendAll("grow 300\n"));
    REQUIRE(greedy.ReadUntil("\n") == "done\n");
  }
  AskUntilLogged(daemon, clients, "of memory, the limit is 256.0 MiB", 1);
  CHECK(daemon.WaitForLog(" retires"));
  CHECK(daemon.AwaitWorkers(2));
  CheckNobodyNoticed(daemon, clients);
  CHECK(daemon.CountLog("is replaced: ") == 1);
}

}  // namespace preforkd::testing
