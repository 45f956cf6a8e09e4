// Latency of quick requests beside requests that block a thread for 50 ms, and beside thousands of idle clients,
// with a module whose handlers may block.
//
// The bounds allow for the load of the machine (yardstick.h); the figures are printed. For meaningful figures
// use a quiet machine, --config=opt and BLOCKING_SECONDS=30.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <cstdlib>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
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

}  // namespace

TEST_CASE("400 requests a second on 400 kept connections, one in ten blocks for 50 ms: the others do not wait") {
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
  MESSAGE(fmt::format("p50 {:.2f}  p90 {:.2f}  p99 {:.2f}  p99.9 {:.2f}  worst {:.2f} ms; {} quick, {} blocking, {} failed; {} extras; slowdown {:.1f}",
                      ms(0.5), ms(0.9), ms(0.99), ms(0.999), ms(1), result.quick.size(), result.blocking, result.failed,
                      daemon.CountEvents("extra_started"), machine.Slowdown()));
  CHECK(result.failed == 0);
  CHECK(result.quick.size() > 500);
  CHECK(result.blocking > 50);
  CHECK(result.Quantile(0.99) < machine.Allow(milliseconds(50)));
}

}  // namespace preforkd::testing
