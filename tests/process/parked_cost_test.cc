// What parked connections cost: memory, time to wake, CPU. The figures are printed; the bounds that are
// checked are wide enough for a busy machine.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>

#include "tests/support/config_text.h"
#include "tests/support/costs.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/metrics_page.h"
#include "tests/support/proc_status.h"
#include "tests/support/server_status.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

ConfigText Config(const char* park_after) {
  return ConfigText()
      .Workers(2)
      .Set("parking.after", park_after)
      .Set("parking.max_after", "0")  // each request is to travel
      .Listen("web")
      .Listen("look", "127.0.0.2:0")
      .Service("look", "status")
      .Service("web", "http", {{"keepalive_timeout", "10m"}});
}

// Both ends are on this machine: each connection takes one descriptor here and one in the master.
std::size_t MaxConnections() {
  constexpr rlim_t kReserve = 2000;
  constexpr rlim_t kMaxClients = 18'000;
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_max > 2 * kReserve ? std::min<rlim_t>(kMaxClients, limit.rlim_max - kReserve)
                                       : limit.rlim_max / 2;
}

// Master and workers.
template <typename Measure>
std::uint64_t Sum(const DaemonProcess& daemon, Measure measure) {
  std::uint64_t sum = measure(daemon.MasterPid());
  for (const pid_t pid : daemon.WorkerPids()) sum += measure(pid);
  return sum;
}

// Connections that workers have handed back because they were idle. Those that even out the load are others.
double IdleReturns(const DaemonProcess& daemon) {
  const std::optional<MetricsPage> page = MetricsPage::Read(daemon.Address(1));
  REQUIRE(page);
  const double count = page->Value("preforkd_handovers_total{direction=\"to_master\",reason=\"idle\"}");
  REQUIRE(count >= 0);
  return count;
}

}  // namespace

TEST_CASE("idle connections up to the descriptor limit: memory of each, and a thousand woken at once") {
  const std::size_t count = MaxConnections();
  const std::size_t woken = std::min<std::size_t>(1000, count);
  DaemonProcess daemon;
  daemon.WriteConfig(Config("250ms"));
  daemon.Serve(2);
  { KeepAliveClients warm(daemon.Address(), 10); }
  CHECK(daemon.DescriptorDifference() == "");
  const std::uint64_t before = Sum(daemon, ProportionalBytes);
  REQUIRE(before > 0);
  KeepAliveClients clients(daemon.Address(), static_cast<int>(count));
  REQUIRE(daemon.AwaitAllParked());
  const ServerStatus status = AskStatus(daemon.Address(1));
  CHECK(status.parked == count);
  const auto each = [&] {
    return (static_cast<double>(Sum(daemon, ProportionalBytes)) - static_cast<double>(before)) /
           static_cast<double>(count);
  };
#ifndef PREFORKD_SANITIZED  // with a sanitizer most of it is the sanitizer's own bookkeeping
  // Workers return what their heaps held for so many clients with one of their next heartbeats (heap_trim.h).
  CHECK(WaitUntil(kTimeout, [&] { return each() < kBytesOfParked; }));
#endif
  MESSAGE(fmt::format("{} connections parked: {:.0f} bytes each in master and workers (at most {:.0f})",
                      count, each(), kBytesOfParked));

  const Yardstick machine;
  const std::vector<Duration> waited = clients.AnsweredAtOnce(woken);
  REQUIRE(waited.size() == woken);
  MESSAGE(fmt::format("{} woken at once: p50 {:.1f} ms, p99 {:.1f} ms (goal 100), last {:.1f} ms", woken,
                      Seconds(waited[woken / 2]) * 1e3, Seconds(waited[woken * 99 / 100]) * 1e3,
                      Seconds(waited.back()) * 1e3));
  CHECK(waited.back() < machine.Allow(std::chrono::seconds(5)));
  clients.Close();
}

TEST_CASE("CPU of a request that wakes a parked connection, and of one on a fresh connection") {
  constexpr int kClients = 200;
  constexpr int kRounds = 10;
  DaemonProcess daemon;
  daemon.WriteConfig(Config("1ms"));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  REQUIRE(daemon.AwaitAllParked());
  const std::uint64_t handed_back = AskStatus(daemon.Address(1)).handed_back;
  const std::uint64_t start = Sum(daemon, CpuNanoseconds);
  for (int round = 0; round < kRounds; ++round) CHECK(clients.Answered() == kClients);
  REQUIRE(daemon.AwaitAllParked());
  const std::uint64_t middle = Sum(daemon, CpuNanoseconds);
  CHECK(AskStatus(daemon.Address(1)).handed_back - handed_back >= kClients * kRounds * 9 / 10);
  const std::uint64_t again = Sum(daemon, CpuNanoseconds);
  for (int i = 0; i < kClients * kRounds; ++i) {
    HttpClient fresh(daemon.Address());
    CHECK(fresh.Get("/", "Connection: close\r\n"));
  }
  const std::uint64_t end = Sum(daemon, CpuNanoseconds);
  const double parked = static_cast<double>(middle - start) / 1e3 / (kClients * kRounds);
  const double fresh = static_cast<double>(end - again) / 1e3 / (kClients * kRounds);
  MESSAGE(fmt::format(
      "CPU a request: {:.1f} us to wake a parked connection, {:.1f} us on a fresh one: {:.2f} times "
      "(goal 1.5)",
      parked, fresh, parked / fresh));
  CHECK(parked < 5 * fresh);
}

TEST_CASE("connections that are never idle for parking.after are not handed back as idle") {
  constexpr int kClients = 20;
  DaemonProcess daemon;
  daemon.WriteConfig(Config("2s"));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  // Longer than parking.after. If the machine has made a client pause for that long, its connection may
  // travel: then the test tries again.
  CHECK(WaitUntil(6 * kTimeout, [&] {
    const double before = IdleReturns(daemon);
    Duration longest_round{0};
    for (const Time end = Now() + std::chrono::seconds(4); Now() < end;) {
      const Time start = Now();
      CHECK(clients.Answered() == kClients);
      longest_round = std::max(longest_round, Now() - start);
    }
    const double travelled = IdleReturns(daemon) - before;
    if (longest_round < std::chrono::milliseconds(900))
      CHECK(travelled == 0);  // at most two rounds lie between two requests of one client
    return longest_round < std::chrono::milliseconds(900);
  }));
}

}  // namespace preforkd::testing
