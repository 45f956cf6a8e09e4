// The system calls of a request, by name, in the master and in the worker: the few that a connection needs,
// and no others.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/strace.h"

namespace preforkd::testing {
namespace {

constexpr int kRequests = 200;
// Calls per request that are allowed beyond these: heartbeats, the tick of a clock, effects of other work on
// the machine.
constexpr double kOther = 0.15;

using PerRequest = std::map<std::string, double>;

struct Cost {
  PerRequest master;
  PerRequest worker;
};

PerRequest Divided(const Strace& strace) {
  PerRequest cost;
  for (const auto& [name, count] : strace.Counts()) cost[name] = static_cast<double>(count) / kRequests;
  return cost;
}

std::string Text(const PerRequest& cost) {
  std::string text;
  for (const auto& [name, count] : cost) text += fmt::format(" {} {:.2f}", name, count);
  return text;
}

// Runs `requests` under strace. nullopt if strace is missing or may not trace.
template <typename Requests>
std::optional<Cost> Measure(DaemonProcess& daemon, Requests requests) {
  Strace master(daemon.MasterPid(), {"-c"}, daemon.Path("master.log"));
  Strace worker(daemon.WorkerPids().at(0), {"-c"}, daemon.Path("worker.log"));
  if (!master.Attached() || !worker.Attached()) {
    MESSAGE("skipped: strace is missing or may not trace");
    return std::nullopt;
  }
  requests();
  master.Stop();
  worker.Stop();
  const Cost cost{Divided(master), Divided(worker)};
  MESSAGE("master:", Text(cost.master), "; worker:", Text(cost.worker));
  return cost;
}

void CheckWithin(const PerRequest& cost, const PerRequest& bounds) {
  for (const auto& [name, count] : cost) {
    CAPTURE(name);
    const auto bound = bounds.find(name);
    CHECK(count <= (bound == bounds.end() ? 0 : bound->second) + kOther);
  }
}

void Serve(DaemonProcess& daemon, const std::vector<std::string>& what = {"--service", "status"}) {
  // One worker, so its calls are all calls of workers. Strace may make it slow; nothing is reclaimed from it
  // because of that.
  std::vector<std::string> flags = {"--listen", "127.0.0.1:0",   "--workers", "1",
                                    "--set",    "workers_max=1", "--set",     "dispatch.reclaim_after=0"};
  flags.insert(flags.end(), what.begin(), what.end());
  daemon.Serve(1, flags);
}

}  // namespace

TEST_CASE("a short connection: accepted, handed over, taken, read, answered, closed") {
  DaemonProcess daemon;
  Serve(daemon);
  const auto cost = Measure(daemon, [&daemon] {
    for (int i = 0; i < kRequests; ++i)
      REQUIRE(HttpClient(daemon.Address()).Get("/healthz", "Connection: close\r\n"));
  });
  if (!cost) return;
  // One client at a time: each is a batch of its own, which ends with an accept4 that finds nothing, and each
  // waits once. Several at a time share these calls. getsockopt finds out which socket a worker is given, so
  // that it cannot hand back another (connection_seals.h).
  CheckWithin(cost->master, {{"epoll_wait", 1},
                             {"prlimit64", 1},
                             {"accept4", 2},
                             {"getsockopt", 1},
                             {"sendmmsg", 1},
                             {"close", 1}});
  CheckWithin(
      cost->worker,
      {{"epoll_wait", 1}, {"prlimit64", 1}, {"recvmsg", 1}, {"recvfrom", 1}, {"sendto", 1}, {"close", 1}});
}

TEST_CASE("a request on a connection that is kept: read and answered; the master does nothing") {
  DaemonProcess daemon;
  Serve(daemon);
  HttpClient client(daemon.Address());
  REQUIRE(client.Get("/healthz"));
  const auto cost = Measure(daemon, [&client] {
    for (int i = 0; i < kRequests; ++i) REQUIRE(client.Get("/healthz"));
  });
  if (!cost) return;
  CheckWithin(cost->master, {});
  CheckWithin(cost->worker, {{"epoll_wait", 1}, {"recvfrom", 1}, {"sendto", 1}});
}

TEST_CASE("a static file: opened, looked at, read or sent, closed") {
  for (const auto& [size, how] : {std::pair(1000, "pread64"), std::pair(30'000, "sendfile")}) {
    CAPTURE(how);
    DaemonProcess daemon;
    std::ofstream(daemon.Path("page.log")) << std::string(static_cast<std::size_t>(size), 'x');
    Serve(daemon, {"--root", daemon.Path("")});
    HttpClient client(daemon.Address());
    REQUIRE(client.Get("/page.log"));
    const auto cost = Measure(daemon, [&client] {
      for (int i = 0; i < kRequests; ++i) REQUIRE(client.Get("/page.log"));
    });
    if (!cost) return;
    CheckWithin(cost->master, {});
    // The C library calls fstat(2) by either name.
    CheckWithin(cost->worker, {{"epoll_wait", 1},
                               {"recvfrom", 1},
                               {"sendto", 1},
                               {"openat2", 1},
                               {"newfstatat", 1},
                               {"fstat", 1},
                               {how, 1},
                               {"close", 1}});
  }
}

}  // namespace preforkd::testing
