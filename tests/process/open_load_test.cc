// The open load tells a server that keeps its clients from one that closes, and from one that does not
// answer.
#include <doctest/doctest.h>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/open_load.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

OpenLoadPlan Plan(const DaemonProcess& daemon) {
  OpenLoadPlan plan;
  plan.address = daemon.Address();
  plan.arrivals_per_second = 100;
  plan.length = milliseconds(500);
  plan.kept = 10;
  plan.quick = "pid\n";
  plan.blocking = "sleep 1\n";
  return plan;
}

void ServeFaults(DaemonProcess& daemon) {
  daemon.WriteConfig(ConfigText().Workers(2).Listen("f").Service("f", "fault"));
  daemon.Serve(2);
  daemon.IgnoreDescriptors();  // an extra may have started
}

}  // namespace

TEST_CASE("open load: clients keep their connections and ask by turns") {
  DaemonProcess daemon(kPreforkdWithFaults);
  ServeFaults(daemon);
  OpenLoadPlan plan = Plan(daemon);
  plan.blocking_share = 0.2;
  const OpenLoadResult result = RunOpenLoad(plan);
  CHECK(result.failed == 0);
  CHECK(result.kept == plan.kept);
  CHECK(result.blocking > 0);
  CHECK(result.answered == result.quick.size() + result.blocking);
}

TEST_CASE("open load: a server that closes after each answer keeps nobody, and fails nobody") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigText().Workers(2).Listen("s").Service("s", "status"));
  daemon.Serve(2);
  OpenLoadPlan plan = Plan(daemon);
  plan.quick = "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  plan.answer_end = "\r\n\r\n";
  const OpenLoadResult result = RunOpenLoad(plan);
  CHECK(result.failed == 0);
  CHECK(result.kept == 0);
  CHECK(result.answered > 10);
}

TEST_CASE("open load: a request without an answer took the timeout") {
  DaemonProcess daemon(kPreforkdWithFaults);
  ServeFaults(daemon);
  OpenLoadPlan plan = Plan(daemon);
  plan.arrivals_per_second = 20;
  plan.timeout = milliseconds(100);
  plan.quick = "sleep 300\n";
  const OpenLoadResult result = RunOpenLoad(plan);
  CHECK(result.answered == 0);
  CHECK(result.failed == result.quick.size());
  CHECK(result.kept == 0);
  REQUIRE(!result.quick.empty());
  CHECK(result.Quantile(0) >= plan.timeout);
}

}  // namespace preforkd::testing
