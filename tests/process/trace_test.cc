// One grep for conn=ID shows the life of a connection, across all processes that have had it.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

// Nothing is reclaimed from a worker that the machine lets run late: that would add steps to a connection's
// life.
std::vector<std::string> Flags(const char* service) {
  return {"--service", service,       "--listen", "127.0.0.1:0", "--workers",
          "2",         "--log-level", "debug",    "--set",       "dispatch.reclaim_after=0"};
}

// The lines about one connection, in order.
std::vector<LogEntry> Life(const DaemonProcess& daemon, int conn) {
  return daemon.Events(fmt::format("conn={}", conn));
}

// Empty if exactly these queries match the lines of `life`, in this order.
std::string Compare(const std::vector<LogEntry>& life, const std::vector<std::string>& expected) {
  for (std::size_t i = 0; i < std::max(life.size(), expected.size()); ++i) {
    if (i >= life.size()) return "missing: " + expected[i];
    if (i >= expected.size()) return "unexpected: " + life[i].line;
    if (!LogQuery(expected[i]).Matches(life[i])) return life[i].line + " instead of: " + expected[i];
  }
  return {};
}

}  // namespace

TEST_CASE("each step of a connection that is served, parked, and served again after a reload is logged") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  {
    HttpClient client(daemon.Address());
    REQUIRE(client.Get("/one").has_value());
    REQUIRE(daemon.WaitForEvent("conn_parked"));
    REQUIRE(daemon.Reload());
    REQUIRE(client.Get("/two").has_value());
    REQUIRE(daemon.WaitForEvent("conn_parked", 2));
  }
  REQUIRE(daemon.WaitForEvent("conn_closed"));
  CHECK(Compare(Life(daemon, 1),
                {"conn_accepted role=master listener=127.0.0.1:0 client~127.0.0.1:",
                 "conn_dispatched role=master", "conn_taken role=worker journey=1",
                 "request_answered role=worker request=1 status=404 line=\"GET /one HTTP/1.1\"",
                 "conn_returned role=worker cause=idle", "conn_parked role=master", "conn_woken role=master",
                 "conn_dispatched role=master", "conn_taken role=worker journey=2",
                 "request_answered role=worker request=2 status=404 line=\"GET /two HTTP/1.1\"",
                 "conn_returned role=worker cause=idle", "conn_parked role=master",
                 "conn_closed role=master requests=2 why~client"}) == "");
}

TEST_CASE("the reason why a connection is closed is logged") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  REQUIRE(HttpClient(daemon.Address()).Get("/", "Connection: close\r\n").has_value());
  REQUIRE(daemon.WaitForEvent("conn_closed"));
  const LogEntry finished = Life(daemon, 1).back();
  CHECK(LogQuery("conn_closed role=worker requests=1").Matches(finished));
  CHECK_FALSE(finished.Field("why").empty());
  {
    TcpClient rude(daemon.Address());
    REQUIRE(rude.SendAll("GET "));
    REQUIRE(daemon.WaitForEvent("conn_taken conn=2"));
  }
  REQUIRE(daemon.WaitForEvent("conn_closed conn=2 role=worker requests=0 bytes_in=4"));
  CHECK(Life(daemon, 2).back().Field("why").find("end of file") != std::string::npos);
  CHECK(Life(daemon, 2).back().Field("why") != finished.Field("why"));
}

TEST_CASE("the line about a crashed worker names the connection that it was serving") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.ExpectEvent("worker_exited state=ready exit=SIGSEGV");
  daemon.Serve(2, Flags("fault"));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("crash\n"));
  CHECK(client.IsClosedByPeer());
  REQUIRE(daemon.WaitForEvent("worker_exited"));
  CHECK(LogQuery("worker_exited state=ready exit=SIGSEGV").Matches(Life(daemon, 1).back()));
}

}  // namespace preforkd::testing
