// Bounds by client address: who is beyond one is refused at once and told if there are words for it; others
// are served; whatever becomes of a connection, it is not counted any more when it has ended.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/resource.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/metrics_page.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr const char* kBusy = "127.0.0.2";
constexpr const char* kHonest = "127.0.0.3";

ConfigText Config(const ConfigSettings& service = {}) {
  return ConfigText()
      .Workers(2)
      .Set("parking.after", "50ms")
      .Listen("web")
      .Listen("web", "127.0.0.11:0", {{"proxy_protocol", true}})
      .Listen("look", "127.0.0.12:0")
      .Listen("echo", "127.0.0.13:0")
      .Listen("other", "127.0.0.14:0")
      .Service("web", "http", service)
      .Service("look", "status")
      .Service("echo", "echo")
      .Service("other", "http", {{"request_rate", 1000}});
}

HttpClient From(const std::string& source, const std::string& address) {
  Result<TcpClient> client = TcpClient::ConnectFrom(source, address);
  REQUIRE_MESSAGE(client.Ok(), client.Err().text);
  return HttpClient(std::move(client).Value());
}

// The status of an answer on a connection of its own; 0: none.
int AskFrom(const std::string& source, const std::string& address) {
  const auto response = From(source, address).Get("/");
  return response ? response->status : 0;
}

std::uint64_t Bounded(const DaemonProcess& daemon, const std::string& bound) {
  const auto page = HttpClient(daemon.Address(2)).Get("/status.json");
  REQUIRE(page);
  return nlohmann::json::parse(page->body).at("bounded").at(bound).get<std::uint64_t>();
}

}  // namespace

TEST_CASE("connections at once: who has too many gets 429, another address is served") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Set("limits.connections", 3));
  daemon.Serve(2);
  std::vector<HttpClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(From(kBusy, daemon.Address()));
    CHECK(clients.back().Get("/")->status == 200);
  }
  for (int i = 0; i < 5; ++i) {
    const auto refused = From(kBusy, daemon.Address()).Get("/");
    REQUIRE(refused);
    CHECK(refused->status == 429);
    CHECK(refused->headers.at("retry-after") == "1");
    CHECK(refused->headers.at("connection") == "close");
  }
  CHECK(AskFrom(kHonest, daemon.Address()) == 200);
  // Those that are served go on, in workers and parked.
  REQUIRE(daemon.AwaitAllParked());
  for (HttpClient& client : clients) CHECK(client.Get("/")->status == 200);
  CHECK(AskFrom(kBusy, daemon.Address()) == 429);
  CHECK(Bounded(daemon, "connections") == 6);
  CHECK(daemon.Events("client_bounded client=127.0.0.2 bound=connections").size() >= 1);
  clients.pop_back();
  CHECK(WaitUntil(kTimeout, [&] { return AskFrom(kBusy, daemon.Address()) == 200; }));
  const ServerStatus status = AskStatus(daemon.Address(2));
  CHECK_MESSAGE(status.Exact(), status.Text());
}

TEST_CASE("what is not HTTP is reset before a byte is read") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Set("limits.connections", 1));
  daemon.Serve(2);
  Result<TcpClient> first = TcpClient::ConnectFrom(kBusy, daemon.Address(3));
  REQUIRE(first.Ok());
  REQUIRE(first.Value().Echoes("hello"));
  Result<TcpClient> second = TcpClient::ConnectFrom(kBusy, daemon.Address(3));
  REQUIRE(second.Ok());
  (void)second.Value().SendAll("hello");
  CHECK(second.Value().IsClosedByPeer());
  CHECK(first.Value().Echoes("again"));
}

TEST_CASE("no connection is counted after it has ended: closed, parked, its worker killed, travelled") {
  constexpr int kMost = 20;
  DaemonProcess daemon;
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.WriteConfig(Config().Set("limits.connections", kMost));
  daemon.Serve(2);
  // How many of them are served until the bound is met, at the end of what has happened.
  const auto served = [&] {
    std::vector<HttpClient> clients;
    int answered = 0;
    for (int i = 0; i < kMost + 3; ++i) {
      clients.push_back(From(kBusy, daemon.Address()));
      const auto response = clients.back().Get("/");
      if (response && response->status == 200) ++answered;
    }
    return answered;
  };
  const auto all_served = [&] { return WaitUntil(kTimeout, [&] { return served() == kMost; }); };
  CHECK(all_served());
  {
    std::vector<HttpClient> clients;
    // Those of before may not have ended yet.
    REQUIRE(WaitUntil(kTimeout, [&] {
      HttpClient client = From(kBusy, daemon.Address());
      const auto response = client.Get("/");
      if (response && response->status == 200) clients.push_back(std::move(client));
      return clients.size() == kMost;
    }));
    REQUIRE(daemon.AwaitAllParked());
    CHECK(AskFrom(kBusy, daemon.Address()) == 429);
  }
  CHECK(all_served());
  for (int round = 0; round < 3; ++round) {
    std::vector<HttpClient> clients;
    for (int i = 0; i < kMost; ++i) {
      clients.push_back(From(kBusy, daemon.Address()));
      (void)clients.back().Connection().SendAll(
          "GET / HTTP/1.1\r\n");  // half a request: it stays in its worker
    }
    const WorkerLife victim = daemon.ReadyWorkers().at(0);
    REQUIRE(::kill(victim.pid, SIGKILL) == 0);
    REQUIRE(
        daemon.WaitForEvent(fmt::format("worker_exited slot={} inc={}", victim.slot, victim.incarnation)));
    REQUIRE(daemon.AwaitWorkers(2));
    clients.clear();
    CHECK(all_served());
  }
  REQUIRE(daemon.Reload());
  CHECK(all_served());
}

TEST_CASE("new connections a second") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Set("limits.connection_rate", 2));
  daemon.Serve(2);
  int refused = 0;
  for (int i = 0; i < 20; ++i) refused += AskFrom(kBusy, daemon.Address()) == 429 ? 1 : 0;
  CHECK(refused > 0);
  CHECK(AskFrom(kHonest, daemon.Address()) == 200);
  CHECK(WaitUntil(kTimeout, [&] { return AskFrom(kBusy, daemon.Address()) == 200; }));
  CHECK(Bounded(daemon, "connection_rate") >= static_cast<std::uint64_t>(refused));
}

TEST_CASE("requests a second: 429 before the body is read, on a connection that stays") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config({{"request_rate", 1}}));
  daemon.Serve(2);
  HttpClient client = From(kBusy, daemon.Address());
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const auto response = client.Get("/");
    REQUIRE(response);
    if (response->status == 200) continue;
    REQUIRE(response->status == 429);
    CHECK(response->headers.at("retry-after") == "1");
    ++refused;
  }
  CHECK(refused > 0);
  CHECK(AskFrom(kHonest, daemon.Address()) == 200);
  // Another service counts by itself.
  for (int i = 0; i < 20; ++i) CHECK(AskFrom(kBusy, daemon.Address(4)) == 200);
  // The body of a refused request is no next request.
  REQUIRE(
      client.Connection().SendAll("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                                  "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(client.ReadResponse()->status >= 400);
  CHECK(client.ReadResponse().has_value());
  // A client that waits for 100 gets the answer instead.
  CHECK(WaitUntil(kTimeout, [&] {
    HttpClient patient = From(kBusy, daemon.Address());
    REQUIRE(patient.Connection().SendAll(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    return patient.ReadResponse()->status == 429;
  }));
  CHECK(daemon.WaitForEvent("client_bounded client=127.0.0.2 bound=request_rate"));
}

TEST_CASE("behind a proxy the client in the header is bounded, not the proxy") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Set("limits.connections", 2));
  daemon.Serve(2);
  const auto through_proxy = [&](const std::string& client) {
    HttpClient proxy = From(kBusy, daemon.Address(1));
    REQUIRE(proxy.Connection().SendAll(fmt::format("PROXY TCP4 {} 127.0.0.1 4711 80\r\n", client)));
    return proxy;
  };
  std::vector<HttpClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(through_proxy(fmt::format("192.0.2.{}", i / 2)));
    const auto response = clients.back().Get("/");
    REQUIRE(response);
    CHECK(response->status == 200);
  }
  HttpClient third = through_proxy("192.0.2.1");
  const auto refused = third.Get("/");
  REQUIRE(refused);
  CHECK(refused->status == 429);
  CHECK(through_proxy("192.0.2.9").Get("/")->status == 200);
  REQUIRE(daemon.AwaitAllParked());
  CHECK(through_proxy("192.0.2.1").Get("/")->status == 429);
  clients.clear();
  CHECK(WaitUntil(kTimeout, [&] { return through_proxy("192.0.2.1").Get("/")->status == 200; }));
}

TEST_CASE("exempt networks have no bounds; a reload changes bounds") {
  DaemonProcess daemon;
  ConfigText config = Config({{"request_rate", 1}}).Set("limits.connections", 1);
  daemon.WriteConfig(config.Set("limits.exempt", "127.0.0.2, 10.0.0.0/8"));
  daemon.Serve(2);
  std::vector<HttpClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(From(kBusy, daemon.Address()));
    CHECK(clients.back().Get("/")->status == 200);
  }
  HttpClient honest = From(kHonest, daemon.Address());
  CHECK(honest.Get("/")->status == 200);
  CHECK(AskFrom(kHonest, daemon.Address()) == 429);
  daemon.WriteConfig(config.Set("limits.exempt", "").Set("limits.connections", 0));
  REQUIRE(daemon.Reload());
  HttpClient second = From(kHonest, daemon.Address());
  CHECK(second.Get("/").has_value());
}

TEST_CASE("a storm of refused clients makes one line a second, and metrics that say how many") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Set("limits.connections", 1));
  daemon.Serve(2);
  HttpClient first = From(kBusy, daemon.Address());
  CHECK(first.Get("/")->status == 200);
  const Time start = Now();
  constexpr int kStorm = 500;
  for (int i = 0; i < kStorm; ++i) (void)TcpClient::ConnectFrom(kBusy, daemon.Address(3));
  CHECK(WaitUntil(kTimeout, [&] { return Bounded(daemon, "connections") == kStorm; }));
  const double seconds = Seconds(Now() - start);
  CHECK(static_cast<double>(daemon.CountEvents("client_bounded")) <= seconds + 2);
  CHECK(first.Get("/")->status == 200);
}

TEST_CASE("few descriptors: who was refused is closed before anybody who is parked") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Set("limits.connections", 10));
  daemon.Serve(2);
  rlimit few{};
  REQUIRE(::prlimit(daemon.MasterPid(), RLIMIT_NOFILE, nullptr, &few) == 0);
  few.rlim_cur = 120;
  REQUIRE(::prlimit(daemon.MasterPid(), RLIMIT_NOFILE, &few, nullptr) == 0);
  std::vector<HttpClient> parked;
  for (int i = 0; i < 10; ++i) {
    parked.push_back(From(kHonest, daemon.Address()));
    CHECK(parked.back().Get("/")->status == 200);
  }
  REQUIRE(daemon.AwaitAllParked());
  std::vector<HttpClient> many;  // those that are told, and stay
  for (int i = 0; i < 300; ++i) {
    many.push_back(From(kBusy, daemon.Address()));
    CHECK(many.back().Get("/").has_value());
  }
  CHECK(daemon.CountEvents("conn_evicted role=master") == 0);
  CHECK(daemon.CountEvents("accept_paused") == 0);
  for (HttpClient& client : parked) CHECK(client.Get("/")->status == 200);
}

}  // namespace preforkd::testing
