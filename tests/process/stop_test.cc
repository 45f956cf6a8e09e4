// How the server stops: gracefully, bounded by drain_timeout, or at once.
#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

std::vector<std::string> Flags(const std::string& drain_timeout) {
  return {"--service", "echo", "--listen", "127.0.0.1:0",
          "--workers", "2",    "--set",    "supervision.drain_timeout=" + drain_timeout};
}

// Its sessions cannot travel, so their worker must finish them.
std::vector<std::string> FaultFlags(const std::string& drain_timeout) {
  std::vector<std::string> flags = Flags(drain_timeout);
  flags[1] = "fault";
  return flags;
}

}  // namespace

TEST_CASE("TERM, QUIT and INT stop an idle server with exit code 0, and its port is free at once") {
  for (const int signo : {SIGTERM, SIGQUIT, SIGINT}) {
    DaemonProcess daemon;
    daemon.Serve(2, Flags("30s"));
    const std::string address = daemon.Address();
    const Time before = Now();
    daemon.Signal(signo);
    if (signo == SIGINT) daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");
    CHECK(daemon.Wait() == 0);
    CHECK(Now() - before < std::chrono::seconds(5));
    CHECK_FALSE(TcpClient::Connect(address).Ok());
  }
}

TEST_CASE("a client that is connected when TERM comes gets its answer, and then the end of file") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("30s"));
  TcpClient client(daemon.Address());
  REQUIRE(client.Echoes("before"));
  REQUIRE(client.SendAll("sent before the signal"));
  REQUIRE(client.ReadExactly(4));
  daemon.Signal(SIGTERM);
  CHECK(client.ReadToEnd() == " before the signal");
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("a worker finishes the request that it works on when TERM comes") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, FaultFlags("30s"));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("pid\nsleep 300\n"));
  REQUIRE(client.ReadUntil("\n"));
  daemon.Signal(SIGTERM);
  CHECK(client.ReadToEnd() == "done\n");
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("connections that are in the kernel's queue when TERM comes are served") {
  DaemonProcess daemon(kPreforkdWithFaults);
  std::vector<std::string> flags = FaultFlags("30s");
  flags[5] = "1";
  daemon.Serve(1, flags);
  TcpClient busy(daemon.Address());
  REQUIRE(busy.SendAll("pid\nsleep 400\n"));
  REQUIRE(busy.ReadUntil("\n"));
  std::vector<TcpClient> queued;
  for (int i = 0; i < 20; ++i) {
    queued.emplace_back(daemon.Address());
    REQUIRE(queued.back().SendAll("hello\n"));
  }
  daemon.Signal(SIGTERM);
  int answered = 0;
  for (TcpClient& client : queued)
    answered += client.ReadToEnd().value_or("").starts_with("hello ") ? 1 : 0;  // perhaps by an extra worker
  CHECK(answered == 20);
  CHECK(daemon.Wait() == 0);
}

TEST_CASE("drain_timeout bounds the stop") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(ConfigText()
                         .Workers(2)
                         .Set("supervision.drain_timeout", "300ms")
                         .Listen("f")
                         .Service("f", "fault", {{"ignore_retire", true}}));
  daemon.Serve(2);
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("pid\n"));
  REQUIRE(client.ReadUntil("\n"));
  const Time before = Now();
  daemon.Signal(SIGTERM);
  CHECK(client.IsClosedByPeer());
  CHECK(daemon.Wait() == 0);
  const Duration took = Now() - before;
  CHECK(took >= std::chrono::milliseconds(280));
  CHECK(took < std::chrono::seconds(5));
  CHECK(daemon.AwaitEvents("drain_timeout connections=1", 1) == 1);
}

TEST_CASE("a worker that does not end within drain_timeout is killed") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, FaultFlags("100ms"));
  TcpClient client(daemon.Address());
  REQUIRE(client.SendAll("pid\nsleep 60000\n"));
  REQUIRE(client.ReadUntil("\n"));
  daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");
  daemon.Signal(SIGTERM);
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.AwaitEvents("worker_killed cause=drain_timeout", 1) == 1);
}

TEST_CASE("a second TERM, or INT, stops at once, without waiting for clients") {
  for (const int second : {SIGTERM, SIGINT}) {
    DaemonProcess daemon(kPreforkdWithFaults);
    daemon.Serve(2, FaultFlags("60s"));
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll("pid\nsleep 60000\n"));
    REQUIRE(client.ReadUntil("\n"));
    daemon.ExpectEvent("worker_exited state=retiring exit=SIGKILL");
    daemon.Signal(SIGTERM);
    REQUIRE(daemon.WaitForEvent("stopping"));
    daemon.Signal(second);
    CHECK(daemon.Wait(std::chrono::seconds(10)) == 0);
    CHECK(daemon.AwaitEvents("stopping_now", 1) == 1);
    CHECK(client.IsClosedByPeer());
  }
}

TEST_CASE("HUP, then TERM, while clients wait for a worker that is blocked: all of them are answered") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(1, {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "1", "--set",
                   "workers_max=1", "--set", "dispatch.max_queue=1"});
  TcpClient busy(daemon.Address());
  REQUIRE(busy.SendAll("pid\nsleep 700\n"));
  REQUIRE(busy.ReadUntil("\n"));
  std::vector<TcpClient> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.emplace_back(daemon.Address());
    REQUIRE(waiting.back().SendAll("hello\n"));
  }
  daemon.Signal(SIGHUP);
  REQUIRE(daemon.WaitForEvent("reload_started generation=2"));
  daemon.Signal(SIGTERM);
  for (TcpClient& client : waiting) CHECK(client.ReadUntil("\n").value_or("").starts_with("hello "));
  CHECK(busy.ReadUntil("\n") == "done\n");
  CHECK(daemon.Wait() == 0);
  CHECK(daemon.AwaitEvents("stopped lost=0", 1) == 1);
}

TEST_CASE("many new clients do not starve one that is already connected") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(1,
               {"--service", "fault", "--listen", "127.0.0.1:0", "--workers", "1", "--set", "workers_max=1"});
  TcpClient there(daemon.Address());
  REQUIRE(there.SendAll("hello\n"));
  REQUIRE(there.ReadUntil("\n"));
  std::vector<TcpClient> flood;
  for (int i = 0; i < 200; ++i) {  // two seconds of work, all in the queue at once
    flood.emplace_back(daemon.Address());
    REQUIRE(flood.back().SendAll("spin 10\n"));
  }
  REQUIRE(there.SendAll("hello\n"));
  REQUIRE(there.ReadUntil("\n"));
  const auto served = std::count_if(flood.begin(), flood.end(), [](const TcpClient& client) {
    pollfd answer{client.Fd(), POLLIN, 0};
    return ::poll(&answer, 1, 0) == 1;
  });
  MESSAGE("it was served when ", served, " of 200 later clients had been served");
  CHECK(served < 150);
}

}  // namespace preforkd::testing
