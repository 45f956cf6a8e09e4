// What a session packs for a journey, and the cost of a session that fails when it is asked to travel.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <csignal>
#include <string>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::seconds;

// One worker, so that all clients share it.
ConfigText Config(const std::string& parking_after) {
  return ConfigText()
      .Workers(1)
      .Set("parking.after", parking_after)
      .Listen("notes")
      .Listen("look", "127.0.0.2:0")
      .Service("notes", "notes")
      .Service("look", "status");
}

void Serve(DaemonProcess& daemon, const ConfigText& config) {
  daemon.WriteConfig(config);
  daemon.Serve(1);
}

std::string Ask(TcpClient& client, const std::string& line) {
  REQUIRE(client.SendAll(line + "\n"));
  return client.ReadUntil("\n").value_or("no answer");
}

// `faulty` is closed and counted as lost; the worker and its other client stay.
void CheckCostsOne(const DaemonProcess& daemon, TcpClient& faulty, TcpClient& other, const std::string& pid) {
  CHECK(faulty.IsClosedByPeer());
  CHECK(Ask(other, "pid") == pid);
  const ServerStatus status = AskStatus(daemon.Address(1));
  CHECK(status.lost == 1);
  CHECK(status.restarts == 0);
  CHECK(status.Exact());
  CHECK(daemon.AwaitEvents("conn_failed cause=exception error~\"told to throw\"", 1) == 1);
}

}  // namespace

TEST_CASE("luggage that is too heavy stays in the worker with its session, and the log names the limit") {
  DaemonProcess daemon(kPreforkdWithFaults);
  Serve(daemon, Config("1ms"));
  TcpClient client(daemon.Address());
  CHECK(Ask(client, "keep 61440") == "kept 61440\n");
  CHECK(daemon.WaitForEvent("conn_stays bytes=61440 max=49152"));
  CHECK(Ask(client, "count") == "kept 61440\n");
  CHECK(AskStatus(daemon.Address(1)).lost == 0);
}

TEST_CASE("a connection whose luggage is too heavy ends with its worker, and is counted lost") {
  DaemonProcess daemon(kPreforkdWithFaults);
  Serve(daemon, Config("1ms").Set("supervision.drain_timeout", "1s"));
  TcpClient client(daemon.Address());
  CHECK(Ask(client, "keep 61440") == "kept 61440\n");
  CHECK(daemon.Reload());
  CHECK(Ask(client, "count") == "kept 61440\n");  // until drain_timeout its old worker serves it
  CHECK(client.IsClosedByPeer());
  CHECK(daemon.AwaitWorkers(1));
  const ServerStatus status = AskStatus(daemon.Address(1));
  CHECK(status.lost == 1);
  CHECK(status.restarts == 0);
  CHECK(daemon.CountEvents("worker_killed") == 0);
}

TEST_CASE("a session that throws when it is asked to travel, or packs, costs one connection") {
  for (const char* where : {"refusal", "pack"}) {
    CAPTURE(where);
    DaemonProcess daemon(kPreforkdWithFaults);
    Serve(daemon, Config("200ms"));
    TcpClient faulty(daemon.Address());
    TcpClient other(daemon.Address());
    const std::string pid = Ask(other, "pid");
    CHECK(Ask(faulty, fmt::format("throw in {}", where)) == "done\n");
    CheckCostsOne(daemon, faulty, other, pid);
  }
}

TEST_CASE("a session that throws while its worker retires costs one connection, the others travel") {
  for (const char* where : {"refusal", "pack"}) {
    CAPTURE(where);
    DaemonProcess daemon(kPreforkdWithFaults);
    Serve(daemon, Config("0"));
    TcpClient faulty(daemon.Address());
    TcpClient other(daemon.Address());
    CHECK(Ask(other, "keep 3") == "kept 3\n");
    CHECK(Ask(faulty, fmt::format("throw in {}", where)) == "done\n");
    CHECK(daemon.Reload());
    CHECK(faulty.IsClosedByPeer());
    CHECK(Ask(other, "count") == "kept 3\n");
    CHECK(AskStatus(daemon.Address(1)).lost == 1);
    CHECK(daemon.AwaitWorkers(1));
  }
}

TEST_CASE("a session that throws when a full worker asks how slow it is costs one connection") {
  DaemonProcess daemon(kPreforkdWithFaults);
  Serve(daemon, Config("0").Set("dispatch.max_connections", 4));
  TcpClient faulty(daemon.Address());
  TcpClient other(daemon.Address());
  const std::string pid = Ask(other, "pid");
  CHECK(Ask(faulty, "throw in lag") == "done\n");
  TcpClient third(daemon.Address());
  CHECK(Ask(third, "pid") == pid);
  TcpClient fourth(daemon.Address());  // the worker is full
  CheckCostsOne(daemon, faulty, other, pid);
}

TEST_CASE("Travel() from a timer of the session works, like Close()") {
  DaemonProcess daemon(kPreforkdWithFaults);
  Serve(daemon, Config("0"));
  TcpClient client(daemon.Address());
  CHECK(Ask(client, "keep 5") == "kept 5\n");
  REQUIRE(client.SendAll("travel from a timer\n"));
  CHECK(WaitUntil(kTimeout, [&] { return AskStatus(daemon.Address(1)).parked == 1; }));
  CHECK(Ask(client, "count") == "kept 5\n");
  REQUIRE(client.SendAll("close from a timer\n"));
  CHECK(client.IsClosedByPeer());
}

TEST_CASE("an exception from a timer of a session costs one connection") {
  DaemonProcess daemon(kPreforkdWithFaults);
  Serve(daemon, Config("0"));
  TcpClient faulty(daemon.Address());
  TcpClient other(daemon.Address());
  const std::string pid = Ask(other, "pid");
  REQUIRE(faulty.SendAll("throw from a timer\n"));
  CheckCostsOne(daemon, faulty, other, pid);
}

TEST_CASE("a connection that is parked with half a line is not woken until the rest comes") {
  DaemonProcess daemon(kPreforkdWithFaults);
  Serve(daemon, Config("1ms"));
  TcpClient client(daemon.Address());
  CHECK(Ask(client, "keep 7") == "kept 7\n");
  REQUIRE(daemon.AwaitAllParked());
  const std::uint64_t before = AskStatus(daemon.Address(1)).handed_back;
  REQUIRE(client.SendAll("cou"));
  REQUIRE(WaitUntil(kTimeout, [&] { return AskStatus(daemon.Address(1)).handed_back > before; }));
  CHECK(HoldsFor(seconds(1), [&] { return AskStatus(daemon.Address(1)).handed_back == before + 1; }));
  REQUIRE(client.SendAll("nt\n"));
  CHECK(client.ReadUntil("\n").value_or("no answer") == "kept 7\n");
}

TEST_CASE("a session that reports work is not closed by a server that stops") {
  DaemonProcess daemon(kPreforkdWithFaults);
  Serve(daemon, Config("0"));
  TcpClient client(daemon.Address());
  CHECK(Ask(client, "work") == "done\n");
  daemon.Signal(SIGTERM);
  CHECK(client.ReadUntil("\n").value_or("no answer") == "worked\n");
  CHECK(client.IsClosedByPeer());
  CHECK(daemon.Wait() == 0);
}

}  // namespace preforkd::testing
