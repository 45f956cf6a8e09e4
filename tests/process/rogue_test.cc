// A worker that talks nonsense is killed and replaced; the master loses nothing by it, and nobody else
// notices.
#include <doctest/doctest.h>
#include <fmt/core.h>

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
  const char* said;  // why it is not trusted
  bool needs_client = false;
};

constexpr Trick kTricks[] = {
    {"garbage", "not a preforkd message"},
    {"empty", "it has closed its channel"},
    {"oversized", "a truncated or empty packet, or one with several descriptors"},
    {"truncated", "malformed hand-back message", true},
    {"version", " on a channel of version ", true},
    {"masters-words", "is not for the master", true},
    {"ready-with-descriptor", "ready message with a descriptor"},
    {"no-descriptor", "hand-back message without its descriptor", true},
    {"two-descriptors", "a truncated or empty packet, or one with several descriptors", true},
    {"17-descriptors", "a truncated or empty packet, or one with several descriptors", true},
    {"pipe", "it hands back a descriptor that is not a client connection", true},
    {"file", "it hands back a descriptor that is not a client connection", true},
    {"udp", "it hands back a descriptor that is not a client connection", true},
    {"listening", "it hands back a descriptor that is not a client connection", true},
    {"channel", "it hands back a descriptor that is not a client connection", true},
    {"twice", "it hands back more than it was given", true},
    {"never-given", "it hands back more than it was given"},
    {"unconnected", "it hands back a connection that is not one of ours", true},
    {"own-connection", "it hands back a connection that is not one of ours", true},
    {"own-tcp-connection", "it hands back a connection that is not one of ours", true},
    {"other-number", "it hands back a connection that is not one of ours", true},
    {"other-listener", "it hands back a connection that is not one of ours", true},
    {"other-service", "it hands back a connection that is not one of ours", true},
    {"other-time", "it hands back a connection that is not one of ours", true},
    {"own-seal", "it hands back a connection that is not one of ours", true},
    {"forged-row", "it hands back more than it was given", true},
    {"other-worker", "it speaks for slot=1"},
    {"old-incarnation", "it speaks for slot=0 inc=0"},
    {"shutdown", "it has closed its channel"},
    {"million", "it floods the channel"},
};

// Served by whoever is sane. A rogue keeps what it was given until it is killed, so a client may be cut: it
// comes again.
bool IsServed(const std::string& address) {
  return WaitUntil(kTimeout, [&] {
    Result<TcpClient> client = TcpClient::Connect(address, std::chrono::seconds(2));
    return client.Ok() && client.Value().Echoes("sane");
  });
}

void CheckTrick(const Trick& trick) {
  ::setenv("ROGUE_TRICK", trick.name, 1);
  DaemonProcess daemon(kPreforkdWithRogues);
  daemon.ExpectLine("signal 9 (KILL)");
  std::vector<std::string> flags = kFlags;
  // Or a rogue that the machine does not let run in time loses the client that it needs to the other worker.
  flags.insert(flags.end(), {"--set", "dispatch.reclaim_after=0"});
  daemon.Start(flags);
  REQUIRE(daemon.WaitForLog("serving: generation"));
  const std::string address = daemon.Address();
  // A client's connection is for a rogue that is ready: one that is not would get none.
  if (trick.needs_client) REQUIRE(daemon.WaitForLog("is ready after", 2));
  std::vector<TcpClient> clients;
  // Two, in turn: one of them is the rogue's.
  for (int i = 0; trick.needs_client && i < 2; ++i) clients.emplace_back(address);
  CHECK(daemon.WaitForLog("is not to be trusted and gets SIGKILL: "));
  CHECK(daemon.WaitForLog("died while"));
  CHECK(daemon.AwaitWorkers(2));
  clients.clear();
  CHECK(IsServed(address));
  CHECK_MESSAGE(daemon.CountLog(trick.said) == 1, daemon.Log());
  CHECK(daemon.CountLog("died while") == 1);  // its successor is not taken for it
  // What a server has that never met a rogue.
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

TEST_CASE("each way of talking nonsense costs the worker its life, and the server nothing") {
  for (const Trick& trick : kTricks) {
    CAPTURE(std::string(trick.name));
    CheckTrick(trick);
  }
  MESSAGE(std::size(kTricks),
          " tricks, each: killed once, replaced, the master's descriptors as in a sane server");
}

TEST_CASE(
    "the scoreboard of others, and the master's page, are for reading: it dies of the attempt, and alone") {
  for (const char* trick : {"others-row", "masters-page"}) {
    CAPTURE(std::string(trick));
    ::setenv("ROGUE_TRICK", trick, 1);
    DaemonProcess daemon(kPreforkdWithRogues);
#ifdef PREFORKD_SANITIZED  // which reports it, and ends the process
    daemon.ExpectLine("");
#else
    daemon.ExpectLine("signal 11 (SEGV)");
#endif
    std::vector<std::string> flags = kFlags;
    flags.insert(flags.end(), {"--set", "supervision.hang_timeout=500ms"});
    daemon.Start(flags);
    CHECK(daemon.WaitForLog("slot=0 inc=1 pid"));
    CHECK(daemon.WaitForLog("died while"));
    CHECK(daemon.AwaitWorkers(2));
    CHECK(IsServed(daemon.Address()));
    CHECK(daemon.CountLog("died while") == 1);
    CHECK(daemon.CountLog("signal 6 (ABRT)") == 0);
    CHECK(daemon.CountLog("gets SIGABRT") == 0);
  }
  ::unsetenv("ROGUE_TRICK");
}

// The wait, if there is one, is in the kernel: the master would be found there, and nobody be served.
TEST_CASE("sockets that are made to block or to linger hold up neither the master nor another worker") {
  for (const char* trick : {"blocking-channel", "blocking-client", "lingering"}) {
    CAPTURE(std::string(trick));
    ::setenv("ROGUE_TRICK", trick, 1);
    DaemonProcess daemon(kPreforkdWithRogues);
    daemon.ExpectLine("signal 9 (KILL)");  // it does not leave when it is told to
    std::vector<std::string> flags = kFlags;
    flags.insert(flags.end(), {"--set", "supervision.drain_timeout=100ms", "--log-level", "debug"});
    daemon.Serve(2, flags);
    const std::string address = daemon.Address();
    std::vector<TcpClient> clients;
    for (int i = 0; i < 2; ++i)
      clients.emplace_back(address);  // one of them is the rogue's, and says nothing
    if (std::string(trick) == "lingering") REQUIRE(daemon.WaitForLog("closed: idle for too long"));
    if (std::string(trick) == "blocking-client") REQUIRE(daemon.WaitForLog("taken: journey 2"));
    for (int i = 0; i < 20; ++i) {
      CAPTURE(i);
      REQUIRE(IsServed(address));
    }
    clients.clear();
  }
  ::unsetenv("ROGUE_TRICK");
}

}  // namespace preforkd::testing
