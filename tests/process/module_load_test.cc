// Latency of quick requests beside requests that block a thread for 50 ms, and beside thousands of idle
// clients, with a module whose handlers may block.
//
// The bounds allow for the load of the machine (yardstick.h); the figures are printed. For meaningful figures
// use a quiet machine, --config=opt and BLOCKING_SECONDS=30.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/open_load.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr const char* kQuick = "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n";

Duration Length() {
  const char* seconds = std::getenv("BLOCKING_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 4);
}

ConfigText Config(int workers) {
  return ConfigText()
      .Set("workers", workers)
      .Listen("m")
      .Service("m", "module", {{"path", RunfilePath("tests/module/blocker.so")}});
}

// Both ends are on this machine: each connection takes one descriptor here and one in the master.
std::size_t IdleClients() {
  constexpr rlim_t kReserve = 2000;
  constexpr rlim_t kWanted = 10'000;
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_max > 2 * kReserve ? std::min<rlim_t>(kWanted, limit.rlim_max - kReserve)
                                       : limit.rlim_max / 2;
}

}  // namespace

TEST_CASE(
    "400 requests a second on 400 kept connections, one in ten blocks for 50 ms: the others do not wait") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config(4));
  daemon.Serve(4);
  daemon.IgnoreDescriptors();  // extras stay for half a minute
  OpenLoadPlan plan;
  plan.address = daemon.Address();
  plan.length = Length();
  plan.kept = 400;
  plan.blocking_share = 0.1;
  plan.quick = kQuick;
  plan.blocking = "GET /sleep?ms=50 HTTP/1.1\r\nHost: x\r\n\r\n";
  plan.answer_end = "done\n";
  const Yardstick machine;
  const OpenLoadResult result = RunOpenLoad(plan);
  const auto ms = [&](double share) { return Seconds(result.Quantile(share)) * 1e3; };
  MESSAGE(
      fmt::format("p50 {:.2f}  p90 {:.2f}  p99 {:.2f}  p99.9 {:.2f}  worst {:.2f} ms; {} quick, {} blocking, "
                  "{} failed; {} extras; slowdown {:.1f}",
                  ms(0.5), ms(0.9), ms(0.99), ms(0.999), ms(1), result.quick.size(), result.blocking,
                  result.failed, daemon.CountEvents("extra_started"), machine.Slowdown()));
  CHECK(result.failed == 0);
  CHECK(result.kept == plan.kept);
  CHECK(result.quick.size() > 500);
  CHECK(result.blocking > 50);
  CHECK(result.Quantile(0.99) < machine.Allow(milliseconds(200)));
}

TEST_CASE(
    "10,000 idle kept clients hold no blocking worker: new requests, theirs too, are answered at once") {
  const std::size_t count = IdleClients();
  DaemonProcess daemon;
  daemon.WriteConfig(Config(2).Set("workers_max", 2).Set("service.m.keepalive_timeout", "10m"));
  daemon.Serve(2);
  KeepAliveClients idle(daemon.Address(), static_cast<int>(count));
  REQUIRE(daemon.AwaitAllParked());
  const Yardstick machine;
  std::vector<Duration> times;
  for (int i = 0; i < 300; ++i) {
    const Time start = Now();
    HttpClient client(daemon.Address());
    const auto response = client.Get("/quick");
    times.push_back(Now() - start);
    REQUIRE(response);
  }
  std::sort(times.begin(), times.end());
  MESSAGE(
      fmt::format("{} idle clients; a new one is answered in p50 {:.2f} ms, p99 {:.2f} ms; slowdown {:.1f}",
                  count, Seconds(times[150]) * 1e3, Seconds(times[297]) * 1e3, machine.Slowdown()));
  CHECK(times[297] < machine.Allow(milliseconds(50)));
  // One worker is blocked: the clients that were idle share the other.
  HttpClient blocks(daemon.Address());
  REQUIRE(blocks.Ask("/sleep?ms=1000"));
  const std::vector<Duration> woken = idle.AnsweredAtOnce(std::min<std::size_t>(200, count));
  CHECK(woken.size() == std::min<std::size_t>(200, count));
  CHECK(woken.back() < machine.Allow(milliseconds(800)));
  CHECK(blocks.ReadResponse().value_or(HttpResponse{}).status == 200);
}

}  // namespace preforkd::testing
