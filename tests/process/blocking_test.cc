// Quick requests beside requests that block their worker for 50 ms: four workers, 400 short connections a
// second, arrivals by Poisson, latency of the quick ones from the planned arrival.
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

struct Variant {
  const char* name;
  std::vector<std::string> settings;
};

const std::vector<Variant>& Variants() {
  static const std::vector<Variant> variants = {
      {"default", {}},
      {"reclaim_after=0", {"dispatch.reclaim_after=0"}},
      {"workers_max=workers", {"workers_max=4"}},
      {"round-robin", {"dispatch.policy=round-robin"}},
  };
  return variants;
}

Duration Length() {
  const char* seconds = std::getenv("BLOCKING_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 3);
}

OpenLoadResult Measure(const Variant& variant, double share, double& slowdown) {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(
      ConfigText().Workers(4).Listen("f", "127.0.0.1:0", {{"defer_accept", true}}).Service("f", "fault"));
  std::vector<std::string> flags;
  for (const std::string& setting : variant.settings) flags.insert(flags.end(), {"--set", setting});
  daemon.Serve(4, flags);
  daemon.IgnoreDescriptors();  // extras stay for half a minute
  OpenLoadPlan plan;
  plan.address = daemon.Address();
  plan.length = Length();
  plan.blocking_share = share;
  plan.quick = "pid\n";
  plan.blocking = "sleep 50\n";
  const Yardstick machine;
  const OpenLoadResult result = RunOpenLoad(plan);
  slowdown = machine.Slowdown();
  MESSAGE(fmt::format(
      "{:>3.0f} % block, {:<20} p50 {:6.2f}  p99 {:6.2f}  p99.9 {:6.2f}  worst {:6.2f} ms; {} quick, "
      "{} blocking, {} failed, {} extras",
      share * 100, variant.name, Seconds(result.Quantile(0.5)) * 1e3, Seconds(result.Quantile(0.99)) * 1e3,
      Seconds(result.Quantile(0.999)) * 1e3, Seconds(result.Quantile(1)) * 1e3, result.quick.size(),
      result.blocking, result.failed, daemon.CountEvents("extra_started")));
  return result;
}

}  // namespace

TEST_CASE("quick requests beside blocking ones: each is answered, and soon") {
  for (const double share : {0.02, 0.10}) {
    for (const Variant& variant : Variants()) {
      CAPTURE(variant.name);
      CAPTURE(share);
      double slowdown = 1;
      const OpenLoadResult result = Measure(variant, share, slowdown);
      CHECK(result.failed == 0);
      CHECK(result.quick.size() > 500);
      CHECK(result.blocking > 5);
      if (variant.settings.empty()) CHECK(Seconds(result.Quantile(0.99)) < 0.2 * slowdown);
    }
  }
}

}  // namespace preforkd::testing
