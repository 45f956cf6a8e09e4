// A worker that sends invalid messages is killed and replaced. The master leaks nothing, and other workers
// and clients are not affected.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/daemon_process.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr const char* kPreforkdWithRogues = "tests/rogue/preforkd_with_rogues";

const std::vector<std::string> kFlags = {"--service", "echo",
                                         "--listen",  "127.0.0.1:0",
                                         "--workers", "2",
                                         "--set",     "dispatch.policy=round-robin",
                                         "--set",     "workers_max=2"};

struct Trick {
  const char* name;
  const char* why;  // fields of worker_untrusted
  bool needs_client = false;
};

constexpr Trick kTricks[] = {
    {"garbage", "cause=invalid_message why~\"not a preforkd message\""},
    {"empty", "cause=closed"},
    {"oversized", "cause=invalid_message why~truncated"},
    {"truncated", "cause=invalid_message why~\"malformed hand-back\"", true},
    {"version", "cause=invalid_message why~\"wire version\"", true},
    {"masters-words", "cause=invalid_message why~\"message type\"", true},
    {"ready-with-descriptor", "cause=invalid_message why~\"ready message\""},
    {"no-descriptor", "cause=invalid_message why~\"hand-back message without\"", true},
    {"two-descriptors", "cause=invalid_message why~\"malformed hand-back\"", true},
    {"three-descriptors", "cause=invalid_message why~truncated", true},
    {"heavy-without-file", "cause=invalid_message why~\"malformed hand-back\"", true},
    {"heavy-and-idle", "cause=invalid_message why~\"malformed hand-back\"", true},
    {"17-descriptors", "cause=invalid_message why~truncated", true},
    {"pipe", "cause=no_client", true},
    {"file", "cause=no_client", true},
    {"udp", "cause=no_client", true},
    {"listening", "cause=no_client", true},
    {"channel", "cause=no_client", true},
    {"twice", "cause=too_many", true},
    {"never-given", "cause=too_many"},
    {"unconnected", "cause=unknown_connection", true},
    {"own-connection", "cause=unknown_connection", true},
    {"own-tcp-connection", "cause=unknown_connection", true},
    {"other-number", "cause=unknown_connection", true},
    {"other-listener", "cause=unknown_connection", true},
    {"other-service", "cause=unknown_connection", true},
    {"other-time", "cause=unknown_connection", true},
    {"own-seal", "cause=unknown_connection", true},
    {"forged-row", "cause=too_many", true},
    {"other-worker", "cause=other_worker why~slot=1"},
    {"old-incarnation", "cause=other_worker why~\"slot=0 inc=0\""},
    {"shutdown", "cause=closed"},
    {"million", "cause=flood"},
};

// A sane worker serves it. A rogue keeps its connections until it is killed, so a client may be cut off: it
// connects again.
bool IsServed(const std::string& address) {
  return WaitUntil(kTimeout, [&] {
    Result<TcpClient> client = TcpClient::Connect(address, std::chrono::seconds(2));
    return client.Ok() && client.Value().Echoes("sane");
  });
}

void CheckTrick(const Trick& trick) {
  ::setenv("ROGUE_TRICK", trick.name, 1);
  DaemonProcess daemon(kPreforkdWithRogues);
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  std::vector<std::string> flags = kFlags;
  // Otherwise a rogue that the machine does not let run in time would lose the client that it needs to the
  // other worker.
  flags.insert(flags.end(), {"--set", "dispatch.reclaim_after=0"});
  daemon.Start(flags);
  REQUIRE(daemon.WaitForEvent("serving"));
  const std::string address = daemon.Address();
  // A rogue gets connections only when it is ready.
  if (trick.needs_client) REQUIRE(daemon.WaitForEvent("worker_ready", 2));
  std::vector<TcpClient> clients;
  // Two, in turn: one of them goes to the rogue.
  for (int i = 0; trick.needs_client && i < 2; ++i) clients.emplace_back(address);
  CHECK(daemon.WaitForEvent("worker_untrusted"));
  CHECK(daemon.WaitForEvent("worker_exited exit=SIGKILL"));
  CHECK(daemon.AwaitWorkers(2));
  clients.clear();
  CHECK(IsServed(address));
  CHECK_MESSAGE(daemon.CountEvents(std::string("worker_untrusted ") + trick.why) == 1, daemon.Log());
  CHECK(daemon.AwaitEvents("worker_exited", 1) == 1);  // its successor is not taken for it
  // The master holds what that of a server without a rogue holds.
  ::unsetenv("ROGUE_TRICK");
  DaemonProcess sane(kPreforkdWithRogues);
  sane.Serve(2, kFlags);
  std::string difference;
  CHECK(WaitUntil(kTimeout, [&] {
    difference = KindsDiff(FdSnapshot::Of(sane.MasterPid()), FdSnapshot::Of(daemon.MasterPid()));
    return difference.find("socket") == std::string::npos && difference.find("pipe") == std::string::npos &&
           difference.find("pidfd") == std::string::npos;
  }));
  CAPTURE(difference);
  CHECK(CpuSeconds(daemon.MasterPid()) < 1.0);
}

}  // namespace

TEST_CASE("a worker that sends an invalid message, of any kind, is killed, and the server leaks nothing") {
  for (const Trick& trick : kTricks) {
    CAPTURE(std::string(trick.name));
    CheckTrick(trick);
  }
  MESSAGE(
      std::size(kTricks),
      " tricks; after each the worker was killed once and replaced, and the master had the descriptors of a "
      "sane server");
}

TEST_CASE(
    "rows and notes of other workers and the master's pages are read-only: a worker that writes to them "
    "crashes alone") {
  for (const char* trick : {"others-row", "masters-page", "client-book", "others-notes"}) {
    CAPTURE(std::string(trick));
    ::setenv("ROGUE_TRICK", trick, 1);
    DaemonProcess daemon(kPreforkdWithRogues);
#ifdef PREFORKD_SANITIZED  // the sanitizer reports it, and ends the process
    daemon.ExpectReport();
    daemon.ExpectEvent("worker_exited slot=0 inc=1");
#else
    daemon.ExpectEvent("worker_exited slot=0 inc=1 exit=SIGSEGV");
#endif
    std::vector<std::string> flags = kFlags;
    flags.insert(flags.end(), {"--set", "supervision.hang_timeout=500ms"});
    daemon.Start(flags);
    CHECK(daemon.WaitForEvent("worker_exited slot=0 inc=1"));
    CHECK(daemon.AwaitWorkers(2));
    CHECK(IsServed(daemon.Address()));
    CHECK(daemon.AwaitEvents("worker_exited", 1) == 1);
    CHECK(daemon.CountEvents("worker_exited exit=SIGABRT") == 0);
    CHECK(daemon.CountEvents("worker_hung") == 0);
  }
  ::unsetenv("ROGUE_TRICK");
}

TEST_CASE("a worker that forges counts of clients is not believed, and leaves nothing behind") {
  constexpr std::size_t kLimit = 4;
  constexpr const char* kVictim = "127.0.0.3";
  ::setenv("ROGUE_TRICK", "forged-clients", 1);
  DaemonProcess daemon(kPreforkdWithRogues);
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  std::vector<std::string> flags = kFlags;
  flags.insert(flags.end(), {"--set", fmt::format("limits.connections={}", kLimit), "--set",
                             "limits.connection_rate=1000", "--set", "dispatch.reclaim_after=0"});
  daemon.Serve(2, flags);
  ::unsetenv("ROGUE_TRICK");
  const std::string address = daemon.Address();
  // So many are answered, of more than the limit that connect one after the other. The rogue answers none.
  const auto served = [&] {
    std::vector<TcpClient> clients;
    std::size_t echoes = 0;
    for (std::size_t i = 0; i < kLimit + 3; ++i) {
      Result<TcpClient> client = TcpClient::ConnectFrom(kVictim, address);
      REQUIRE(client.Ok());
      clients.push_back(std::move(client).Value());
      if (clients.back().Echoes("sane")) ++echoes;
    }
    return echoes;
  };
  {
    std::vector<TcpClient> clients;
    for (std::size_t i = 0; i < kLimit; ++i) {
      Result<TcpClient> client = TcpClient::ConnectFrom(kVictim, address);
      REQUIRE(client.Ok());
      REQUIRE(client.Value().SendAll("sane\n"));
      clients.push_back(std::move(client).Value());
    }
    // In turn: the other worker has half of them.
    CHECK(std::count_if(clients.begin(), clients.end(), [](TcpClient& client) {
            pollfd readable{client.Fd(), POLLIN, 0};
            return ::poll(&readable, 1, 2000) == 1 && client.ReadUntil("\n").value_or("") == "sane\n";
          }) == kLimit / 2);
    CHECK(daemon.CountEvents("client_bounded") == 0);
    const std::vector<WorkerLife> workers = daemon.ReadyWorkers();
    const auto rogue = std::find_if(workers.begin(), workers.end(),
                                    [](const WorkerLife& worker) { return worker.slot == 0; });
    REQUIRE(rogue != workers.end());
    REQUIRE(::kill(rogue->pid, SIGKILL) == 0);
    REQUIRE(daemon.WaitForEvent("worker_exited slot=0 inc=1"));
    REQUIRE(daemon.AwaitWorkers(2));
  }
  CHECK(WaitUntil(kTimeout, [&] { return served() == kLimit; }));
  CHECK(served() <= kLimit);
}

TEST_CASE("a worker that notes ends of many connections that it does not have is killed") {
  ::setenv("ROGUE_TRICK", "forged-ends", 1);
  DaemonProcess daemon(kPreforkdWithRogues);
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  std::vector<std::string> flags = kFlags;
  flags.insert(flags.end(), {"--set", "limits.connections=1000"});
  daemon.Serve(2, flags);
  ::unsetenv("ROGUE_TRICK");
  const auto killed = [&] {
    (void)TcpClient::Connect(daemon.Address());  // the master reads notes when it accepts
    return daemon.CountEvents("worker_untrusted slot=0 inc=1 cause=forged_notes") > 0;
  };
  CHECK(WaitUntil(kTimeout, killed));
  REQUIRE(daemon.WaitForEvent("worker_exited slot=0 inc=1"));
  REQUIRE(daemon.AwaitWorkers(2));
  CHECK(daemon.CountEvents("worker_untrusted") == 1);
  Result<TcpClient> client = TcpClient::Connect(daemon.Address());
  REQUIRE(client.Ok());
  CHECK(client.Value().Echoes("sane"));
}

// If the master waited, it would wait in the kernel, and no client would be served.
TEST_CASE("sockets that a worker makes blocking or lingering delay neither the master nor another worker") {
  for (const char* trick : {"blocking-channel", "blocking-client", "lingering"}) {
    CAPTURE(std::string(trick));
    ::setenv("ROGUE_TRICK", trick, 1);
    DaemonProcess daemon(kPreforkdWithRogues);
    daemon.ExpectEvent("worker_exited exit=SIGKILL");  // it does not end when it is told to
    std::vector<std::string> flags = kFlags;
    flags.insert(flags.end(), {"--set", "supervision.drain_timeout=100ms", "--log-level", "debug"});
    daemon.Serve(2, flags);
    const std::string address = daemon.Address();
    std::vector<TcpClient> clients;
    for (int i = 0; i < 2; ++i)
      clients.emplace_back(address);  // one of them goes to the rogue, and sends nothing
    if (std::string(trick) == "lingering") REQUIRE(daemon.WaitForEvent("conn_closed role=master"));
    if (std::string(trick) == "blocking-client") REQUIRE(daemon.WaitForEvent("conn_taken journey=2"));
    for (int i = 0; i < 20; ++i) {
      CAPTURE(i);
      REQUIRE(IsServed(address));
    }
    clients.clear();
  }
  ::unsetenv("ROGUE_TRICK");
}

}  // namespace preforkd::testing
