// The system calls of a request, by name, in the master and in the worker: the few that a connection needs,
// and no others.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/costs.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/strace.h"
#include "tests/support/temp_directory.h"

namespace preforkd::testing {
namespace {

constexpr int kRequests = 200;
// Calls per request that are allowed beyond the table: effects of other work on the machine.
constexpr double kOther = 0.15;
// In a second: the master's rounds, heartbeats. Of one name, and of all.
constexpr double kEachSecond = 4;
constexpr double kAllSecond = 12;

struct Measured {
  CallCost cost;
  double seconds = 0;
};

Calls Divided(const Strace& strace) {
  Calls cost;
  for (const auto& [name, count] : strace.Counts()) cost[name] = static_cast<double>(count) / kRequests;
  return cost;
}

std::string Text(const Calls& cost) {
  std::string text;
  for (const auto& [name, count] : cost) text += fmt::format(" {} {:.2f}", name, count);
  return text;
}

// Runs `requests` under strace. nullopt if strace is missing or may not trace.
template <typename Requests>
std::optional<Measured> Measure(DaemonProcess& daemon, Requests requests) {
  Strace master(daemon.MasterPid(), {"-c"}, daemon.Path("master.log"));
  Strace worker(daemon.WorkerPids().at(0), {"-c"}, daemon.Path("worker.log"));
  if (!master.Attached() || !worker.Attached()) {
    MESSAGE("skipped: strace is missing or may not trace");
    return std::nullopt;
  }
  const Time start = Now();
  requests();
  const double seconds = Seconds(Now() - start);
  master.Stop();
  worker.Stop();
  const CallCost cost{Divided(master), Divided(worker)};
  MESSAGE("master:", Text(cost.master), "; worker:", Text(cost.worker));
  return Measured{cost, seconds};
}

void CheckWithin(const Calls& cost, const Calls& bounds, double seconds) {
  double sum = 0;
  double most = kOther + kAllSecond * seconds / kRequests;
  for (const auto& [name, count] : bounds) most += count;
  for (const auto& [name, count] : cost) {
    CAPTURE(name);
    const auto bound = bounds.find(name);
    CHECK(count <= (bound == bounds.end() ? 0 : bound->second) + kOther + kEachSecond * seconds / kRequests);
    sum += count;
  }
  CHECK(sum <= most);
}

void CheckWithin(const Measured& measured, const CallCost& bounds) {
  CheckWithin(measured.cost.master, bounds.master, measured.seconds);
  CheckWithin(measured.cost.worker, bounds.worker, measured.seconds);
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
  CheckWithin(*cost, kShortConnection);
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
  CheckWithin(*cost, kKeptRequest);
}

TEST_CASE("a journey: parked, woken, handed over, answered, idle, handed back") {
  DaemonProcess daemon;
  Serve(daemon, {"--service", "status", "--set", "parking.after=1ms", "--set", "parking.max_after=0"});
  HttpClient client(daemon.Address());
  REQUIRE(client.Get("/healthz"));
  REQUIRE(daemon.AwaitAllParked());
  const auto cost = Measure(daemon, [&] {
    for (int i = 0; i < kRequests; ++i) {
      REQUIRE(client.Get("/healthz"));
      REQUIRE(daemon.AwaitAllParked());
    }
  });
  if (!cost) return;
  CheckWithin(*cost, kJourney);
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
    Calls worker = kKeptRequest.worker;
    // The C library calls fstat(2) by either name.
    for (const char* const call : {"openat2", "newfstatat", "fstat", how, "close"}) worker[call] = 1;
    CheckWithin(*cost, {kKeptRequest.master, worker});
  }
}

TEST_CASE("a compressed sibling: three calls more; a sibling that is missing: none, within a second") {
  Calls file = kKeptRequest.worker;
  for (const char* const call : {"openat2", "newfstatat", "fstat", "pread64", "close"}) file[call] = 1;
  for (const bool there : {true, false}) {
    CAPTURE(there);
    DaemonProcess daemon;
    WriteFile(daemon.Path("page.log"), std::string(1000, 'x'));
    if (there) WriteFile(daemon.Path("page.log.br"), std::string(100, 'x'));
    Serve(daemon, {"--root", daemon.Path(""), "--set", "service.default.precompressed=br, zstd, gzip"});
    HttpClient client(daemon.Address());
    const std::string accept = "Accept-Encoding: gzip, br, zstd\r\n";
    REQUIRE(client.Get("/page.log", accept));
    const auto cost = Measure(daemon, [&] {
      for (int i = 0; i < kRequests; ++i)
        REQUIRE(client.Get("/page.log", accept).value().headers.count("content-encoding") == (there ? 1 : 0));
    });
    if (there) std::filesystem::remove(daemon.Path("page.log.br"));
    if (!cost) return;
    Calls bounds = file;
    if (there) {
      for (const char* const call : {"openat2", "newfstatat", "fstat", "close"}) bounds[call] = 2;
    }
    CheckWithin(*cost, {kKeptRequest.master, bounds});
  }
}

}  // namespace preforkd::testing
