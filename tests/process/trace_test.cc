// One grep for conn=ID tells the life of a connection, across all processes that have had it.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

// Nothing is reclaimed from a worker that the machine lets run late: that would be one more station of a
// life.
std::vector<std::string> Flags(const char* service) {
  return {"--service", service,       "--listen", "127.0.0.1:0", "--workers",
          "2",         "--log-level", "debug",    "--set",       "dispatch.reclaim_after=0"};
}

// What the log says of one connection, in order: who says it, and what.
std::vector<std::string> Life(const DaemonProcess& daemon, int conn) {
  std::vector<std::string> life;
  for (const std::string& line : LinesWith(daemon.Log(), fmt::format(" conn={}: ", conn))) {
    const std::size_t text = line.find(": ");
    const std::string who = line.find(" worker pid=") != std::string::npos ? "worker" : "master";
    life.push_back(who + ": " + line.substr(text + 2));
  }
  return life;
}

// Do these beginnings stand in `life`, in this order and without anything between them?
std::string Compare(const std::vector<std::string>& life, const std::vector<std::string>& expected) {
  for (std::size_t i = 0; i < std::max(life.size(), expected.size()); ++i) {
    if (i >= life.size()) return "missing: " + expected[i];
    if (i >= expected.size()) return "too much: " + life[i];
    if (!life[i].starts_with(expected[i])) return life[i] + " where there should be: " + expected[i];
  }
  return {};
}

}  // namespace

TEST_CASE("a connection that is served, parked, and served again behind a reload") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  {
    HttpClient client(daemon.Address());
    REQUIRE(client.Get("/one").has_value());
    REQUIRE(daemon.WaitForLog(": parked"));
    REQUIRE(daemon.Reload());
    REQUIRE(client.Get("/two").has_value());
    REQUIRE(daemon.WaitForLog(": parked", 2));
  }
  REQUIRE(daemon.WaitForLog(": closed: "));
  CHECK(Compare(Life(daemon, 1),
                {"master: accepted at 127.0.0.1:0 from 127.0.0.1:", "master: goes to slot=",
                 "worker: taken: journey 1", "worker: request 1 is answered with 404: GET /one HTTP/1.1",
                 "worker: handed back: it is idle", "master: parked", "master: woken: the client has spoken",
                 "master: goes to slot=", "worker: taken: journey 2",
                 "worker: request 2 is answered with 404: GET /two HTTP/1.1",
                 "worker: handed back: it is idle", "master: parked",
                 "master: closed: by the client, while it was parked; requests 2, bytes in "}) == "");
}

TEST_CASE("a connection that ends says why") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  REQUIRE(HttpClient(daemon.Address()).Get("/", "Connection: close\r\n").has_value());
  REQUIRE(daemon.WaitForLog(": closed: "));
  CHECK(Life(daemon, 1).back().starts_with("worker: closed: the answer was its last; requests 1, bytes in "));
  {
    TcpClient rude(daemon.Address());
    REQUIRE(rude.SendAll("GET "));
    REQUIRE(daemon.WaitForLog("conn=2: taken"));
  }
  CHECK(daemon.WaitForLog("conn=2: closed: end of file from the client; requests 0, bytes in 4"));
}

TEST_CASE("a connection whose worker dies under it is named with the death") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.ExpectLine("died while");
  daemon.Serve(2, Flags("fault"));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("crash\n"));
  CHECK(client.IsClosedByPeer());
  REQUIRE(daemon.WaitForLog("died while"));
  CHECK(Life(daemon, 1).back().find("died while ready: signal 11") != std::string::npos);
}

}  // namespace preforkd::testing
