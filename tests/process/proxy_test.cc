// Listeners behind a proxy: the client's address is the one in the PROXY protocol header.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

const std::string kHeader = "PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n";
const std::string kHeader2 =
    std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0C", 16) +
    std::string("\xC0\x00\x02\x08\x7F\x00\x00\x01\x12\x67\x00\x50", 12);  // 192.0.2.8:4711
const std::string kLocal = std::string("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16);

ConfigText Config(const std::string& type) {
  return ConfigText()
      .Workers(2)
      .Set("log.level", "debug")
      .Listen("s", "127.0.0.1:0", {{"proxy_protocol", true}})
      .Listen("look", "127.0.0.2:0")
      .Service("s", type)
      .Service("look", "status");
}

constexpr const char* kRequest = "GET /seen HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace

TEST_CASE(
    "headers of both versions, in one packet with the request or byte by byte, give the client's address") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("http"));
  daemon.Serve(2);
  for (const std::string& header : {kHeader, kHeader2, kLocal}) {
    TcpClient whole(daemon.Address());
    REQUIRE(whole.SendAll(header + kRequest));
    CHECK(whole.ReadUntil("\r\n").value_or("").starts_with("HTTP/1.1 404"));
    TcpClient slow(daemon.Address());
    for (const char byte : header) REQUIRE(slow.SendAll({&byte, 1}));
    REQUIRE(slow.SendAll(kRequest));
    CHECK(slow.ReadUntil("\r\n").value_or("").starts_with("HTTP/1.1 404"));
  }
  CHECK(daemon.AwaitEvents("proxy_header client=192.0.2.7:4711 peer~127.0.0.1:", 2) == 2);
  CHECK(daemon.AwaitEvents("proxy_header client=192.0.2.8:4711 peer~127.0.0.1:", 2) == 2);
}

TEST_CASE("the client's address stays when its connection is parked and woken") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("http"));
  daemon.Serve(2);
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll(kHeader + kRequest));
  REQUIRE(client.ReadUntil("\r\n\r\n"));
  REQUIRE(daemon.AwaitAllParked());
  // A worker shows the last request that it has served. If the status request went to the same worker, ask
  // again.
  CHECK(WaitUntil(kTimeout, [&] {
    REQUIRE(client.SendAll(kRequest));  // no second header: there is one per connection
    REQUIRE(client.ReadUntil("HTTP/1.1 404"));
    const auto status = HttpClient(daemon.Address(1)).Get("/status.json");
    REQUIRE(status);
    return status->body.find("GET /seen from 192.0.2.7:4711") != std::string::npos;
  }));
}

TEST_CASE("the echo service gets what follows the header") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("echo"));
  daemon.Serve(2);
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll(kHeader + "hello"));
  CHECK(client.ReadExactly(5) == "hello");
  CHECK(client.Echoes("and more"));
}

TEST_CASE("a missing or invalid header closes the connection and is logged; other clients are served") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("http"));
  daemon.Serve(2);
  for (const std::string& bytes :
       {std::string(kRequest), std::string("PROXY TCP4 1.2.3.4\r\n"), std::string(200, 'P')}) {
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll(bytes));
    CHECK(client.IsClosedByPeer());
  }
  CHECK(daemon.CountEvents("proxy_header level=warning peer~127.0.0.1:") >= 1);
  TcpClient silent(daemon.Address());
  TcpClient gone(daemon.Address());
  REQUIRE(gone.SendAll("PROXY"));
  gone.Close();
  CHECK(silent.IsClosedByPeer());  // after ten seconds
  HttpClient look(daemon.Address(1));
  CHECK(look.Get("/healthz"));
}

TEST_CASE("invalid headers and silent clients log at most one line per second and worker") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("http"));
  daemon.Serve(2);
  const Time start = Now();
  std::vector<TcpClient> silent;
  for (int i = 0; i < 30; ++i) {
    silent.emplace_back(daemon.Address());
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("PROXY TCP4 1.2.3.4\r\n"));
    CHECK(client.IsClosedByPeer());
  }
  const auto seconds = static_cast<std::size_t>(Seconds(Now() - start));
  CHECK(daemon.CountEvents("proxy_header level=warning") >= 1);
  CHECK(daemon.CountEvents("proxy_header level=warning") <= 2 * (seconds + 1));
  // The next line, after a second, has the number of those that were suppressed.
  CHECK(WaitUntil(kTimeout, [&] {
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("nonsense"));
    CHECK(client.IsClosedByPeer());
    const std::vector<LogEntry> lines = daemon.Events("proxy_header level=warning");
    return std::any_of(lines.begin(), lines.end(),
                       [](const LogEntry& line) { return line.Number("suppressed") > 0; });
  }));
  for (TcpClient& client : silent) CHECK(client.IsClosedByPeer());
  CHECK(daemon.CountEvents("proxy_header error=timeout") >= 1);
  CHECK(daemon.CountEvents("proxy_header error=timeout") <= 2 * 5);
}

TEST_CASE("a worker that retires waits for the rest of a header") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("http"));
  daemon.Serve(2);
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll(kHeader.substr(0, 10)));
  REQUIRE(WaitUntil(kTimeout, [&] {
    HttpClient look(daemon.Address(1));
    const auto status = look.Get("/status.json");
    return status && status->body.find("\"in_progress\":2") != std::string::npos;
  }));
  CHECK(daemon.Reload());
  REQUIRE(client.SendAll(kHeader.substr(10) + kRequest));
  CHECK(client.ReadUntil("\r\n").value_or("").starts_with("HTTP/1.1 404"));
}

}  // namespace preforkd::testing
