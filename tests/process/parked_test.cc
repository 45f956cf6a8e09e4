// Parked connections: how many, for how long, what happens to them while they are parked, and that the
// counters of a connection travel with it.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/metrics_page.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_sockets.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ConfigText Config(const std::string& park_after) {
  return ConfigText()
      .Workers(2)
      .Set("parking.after", park_after)
      .Set("parking.max_after", "0")  // each request is to travel
      .Listen("web")
      .Listen("look", "127.0.0.2:0")
      .Service("look", "status")
      .Service("web", "http");
}

bool IsAnswered(HttpClient& client) {
  const std::optional<HttpResponse> response = client.Get("/");
  return response && response->status == 200;
}

// Each is parked before the next one connects, so that their order is known.
std::vector<HttpClient> ParkOneByOne(const DaemonProcess& daemon, int count) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(daemon.Address());
    CHECK(IsAnswered(clients.back()));
    REQUIRE(daemon.AwaitAllParked());
  }
  return clients;
}

// The server has sent nothing, not even its end of file.
bool IsQuiet(HttpClient& client) {
  pollfd one{client.Connection().Fd(), POLLIN, 0};
  return ::poll(&one, 1, 0) == 0;
}

void CloseWithReset(HttpClient& client) {
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(client.Connection().Fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
  client.Connection().Close();
}

}  // namespace

TEST_CASE("one more than parking.max: the connection that has been parked longest is closed") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms").Set("parking.max", 10));
  daemon.Serve(2);
  std::vector<HttpClient> clients = ParkOneByOne(daemon, 11);
  CHECK(clients[0].Connection().IsClosedByPeer());
  for (std::size_t i = 1; i < clients.size(); ++i) CHECK(IsAnswered(clients[i]));
  CHECK(daemon.AwaitEvents("conn_evicted role=master parked=10", 1) == 1);
}

TEST_CASE("evicted connections are counted apart, and every connection is still counted in one place") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms").Set("parking.max", 3));
  daemon.Serve(2);
  std::vector<HttpClient> clients = ParkOneByOne(daemon, 5);
  const ServerStatus status = AskStatus(daemon.Address(1));
  CAPTURE(status.Text());
  CHECK(status.Exact());
  CHECK(status.evicted == 2);
  CHECK(status.finished == 2);      // includes the evicted
  clients[4].Connection().Close();  // not evicted
  CHECK(WaitUntil(kTimeout, [&] { return AskStatus(daemon.Address(1)).parked == 2; }));
  const std::optional<MetricsPage> page = MetricsPage::Read(daemon.Address(1));
  REQUIRE(page);
  CHECK(page->Value("preforkd_connections_evicted_total") == 2);
  CHECK(page->Value("preforkd_connections_finished_total") >= 3);
  CHECK(AskStatus(daemon.Address(1)).Exact());
}

TEST_CASE("no descriptor is free for one more: the oldest is closed, and the server goes on accepting") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms"));
  daemon.Serve(2);
  const rlimit few{200, 200};
  REQUIRE(::prlimit(daemon.MasterPid(), RLIMIT_NOFILE, &few, nullptr) == 0);
  constexpr int kMany = 130;
  constexpr std::size_t kSurely = 40;  // so many certainly find room
  std::vector<HttpClient> clients = ParkOneByOne(daemon, kMany);
  CHECK(clients[0].Connection().IsClosedByPeer());
  for (std::size_t i = kMany - kSurely; i < kMany; ++i) CHECK(IsAnswered(clients[i]));
  CHECK(AskStatus(daemon.Address(1)).lost == 0);
}

TEST_CASE("parking.max = 0: connections travel only when their worker retires") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms").Set("parking.max", 0));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), 20);
  CHECK(HoldsFor(milliseconds(300), [&] { return AskStatus(daemon.Address(1)).handed_back == 0; }));
  CHECK(daemon.Reload());
  CHECK(clients.Answered() == 20);
}

TEST_CASE("keepalive_timeout counts from the last request, wherever the connection is") {
  for (const char* park_after : {"1ms", "0"}) {
    CAPTURE(park_after);
    DaemonProcess daemon;
    daemon.WriteConfig(Config(park_after).Set("service.web.keepalive_timeout", "4s"));
    daemon.Serve(2);
    HttpClient client(daemon.Address());
    const Time asked = Now();
    CHECK(IsAnswered(client));
    CHECK(HoldsFor(seconds(3), [&] { return IsQuiet(client); }));
    CHECK(daemon.Reload());  // now, at the latest, the connection is with the master
    const Time travelled = Now();
    CHECK(client.Connection().IsClosedByPeer());
    const Time closed = Now();
    MESSAGE(fmt::format("parking.after {}: closed {:.2f} s after the last request", park_after,
                        Seconds(closed - asked)));
    // Not before the timeout counted from the last request, and well before one counted from the journey.
    CHECK(closed - asked > milliseconds(3900));
    CHECK(closed - travelled < seconds(4));
  }
}

TEST_CASE("a request that ends in a retiring worker restarts keepalive_timeout") {
  DaemonProcess daemon;
  daemon.WriteConfig(
      Config("0").Set("service.web.body_timeout", "3s").Set("service.web.keepalive_timeout", "10s"));
  daemon.Serve(2);
  HttpClient client(daemon.Address());
  REQUIRE(client.Connection().SendAll("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nha"));
  CHECK(daemon.Reload());
  REQUIRE(client.Connection().SendAll("lf"));
  REQUIRE(client.ReadResponse());
  REQUIRE(daemon.AwaitWorkers(2));
  // Longer than what was left of the request body's timeout.
  CHECK(HoldsFor(milliseconds(3500), [&] { return IsQuiet(client); }));
  CHECK(IsAnswered(client));
}

TEST_CASE("a client that disconnects while it is parked wakes no worker") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms"));
  daemon.Serve(2);
  std::vector<HttpClient> clients = ParkOneByOne(daemon, 20);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    i % 2 == 0 ? clients[i].Connection().Close() : CloseWithReset(clients[i]);
  }
  CHECK(daemon.DescriptorDifference() == "");
  const ServerStatus after = AskStatus(daemon.Address(1));
  // Once for each client when it connected, and once for the status request, which its worker may answer
  // before the master has counted it. A connection that a worker did not take in time was handed over twice.
  CHECK(after.handed_over - after.reclaimed <= clients.size() + 1);
  CHECK(after.parked == 0);
  CHECK(after.lost == 0);
  CHECK(after.Exact());
}

TEST_CASE("the limit of requests per connection holds across journeys") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms").Set("service.web.max_requests", 5));
  daemon.Serve(2);
  HttpClient client(daemon.Address());
  for (int i = 1; i <= 4; ++i) {
    std::optional<HttpResponse> response = client.Get("/");
    REQUIRE(response);
    CHECK(response->headers["connection"] != "close");
    REQUIRE(daemon.AwaitAllParked());
  }
  std::optional<HttpResponse> last = client.Get("/");
  REQUIRE(last);
  CHECK(last->status == 200);
  CHECK(last->headers["connection"] == "close");
  CHECK(client.Connection().IsClosedByPeer());
}

TEST_CASE("thousands of journeys leave nothing behind") {
  constexpr int kClients = 50;
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms"));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  for (int round = 0; round < 100; ++round) CHECK(clients.Answered() == kClients);
  const ServerStatus status = AskStatus(daemon.Address(1));
  MESSAGE(status.Text());
  CHECK(status.handed_back > 2000);
  CHECK(status.accepted_at_first == kClients);
  CHECK(status.lost == 0);
  CHECK(status.Exact());
  const std::uint16_t port = PortOf(daemon.Address());
  CHECK(WaitUntil(kTimeout, [&] { return LiveSockets(port).size() == kClients; }));
  clients.Close();
  CHECK(WaitUntil(kTimeout, [&] { return LiveSockets(port).empty(); }));
  CHECK(daemon.DescriptorDifference() == "");
}

}  // namespace preforkd::testing
