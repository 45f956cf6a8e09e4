// A rolling update as Kubernetes makes it, with the ConfigMap of the package: three machines have a pod each,
// or none, and HAProxy knows their endpoints as a node's proxy does: it checks nothing, retries nothing, and
// hears of a change late. TERM comes at once.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <sstream>
#include <thread>

#include "tests/fleet/balancer.h"
#include "tests/fleet/have_machines.h"
#include "tests/fleet/machines.h"
#include "tests/support/command.h"
#include "tests/support/daemon_process.h"
#include "tests/support/temp_directory.h"
#include "tests/support/web_load.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

#ifdef PREFORKD_SANITIZED
constexpr double kRequestsPerSecond = 300;
#else
constexpr double kRequestsPerSecond = 1000;
#endif

// From TERM, or from readiness, until the proxy knows. It is the cluster that takes this time; nobody waits
// for it.
constexpr auto kLag = milliseconds(1500);

constexpr const char* kBody = "what all pods serve\n";

constexpr const char* kProxy = R"(
global
    stats socket /run/haproxy/admin.sock mode 660 level admin
defaults
    mode tcp
    retries 0
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend service
    bind 192.0.2.1:80
    default_backend nodes
backend nodes
    balance roundrobin
    server node1 192.0.2.11:8080 disabled
    server node2 192.0.2.12:8080 disabled
    server node3 192.0.2.13:8080 disabled
)";

// The file that the ConfigMap has in "preforkd.toml: |", indented.
std::string ShippedConfig() {
  constexpr std::string_view kIndent = "    ";
  std::istringstream manifest(ReadFile(RunfilePath("tools/package/kubernetes/configmap.yaml")));
  std::string text;
  std::string line;
  while (std::getline(manifest, line) && line != "  preforkd.toml: |") continue;
  while (std::getline(manifest, line)) text += line.substr(std::min(line.size(), kIndent.size())) + "\n";
  REQUIRE_FALSE(text.empty());
  return text;
}

// Two pods and room for a third. They take `stop_delay`, and all else from the ConfigMap.
class Cluster {
 public:
  explicit Cluster(std::string stop_delay) : stop_delay_(std::move(stop_delay)) {
    WriteFile(folder_.Path("file"), kBody);
    WriteFile(folder_.Path("haproxy.cfg"), kProxy);
    StartPod(1);
    StartPod(2);
    proxy_.emplace(folder_.Path("haproxy.cfg"));
    proxy_->Set("node1", "ready");
    proxy_->Set("node2", "ready");
    load_.emplace(WebLoadPlan{"192.0.2.1:80", "/file", kBody, kRequestsPerSecond});
  }
  // All pods pass their stop_delay at the same time.
  ~Cluster() {
    load_.reset();
    proxy_.reset();
    for (std::optional<DaemonProcess>& pod : pods_)
      if (pod) pod->Signal(SIGTERM);
    for (std::optional<DaemonProcess>& pod : pods_)
      if (pod) (void)pod->Wait();
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // maxSurge 1, maxUnavailable 0: a new pod first.
  void Replace(int old, int fresh) {
    StartPod(fresh);
    Lag();
    proxy_->Set(NameOf(fresh), "ready");
    DaemonProcess& pod = Pod(old);
    pod.Signal(SIGTERM);
    Lag();
    stopped_early_ += pod.CountEvents("stopping");
    proxy_->Set(NameOf(old), "maint");
    CHECK(pod.Wait() == 0);
    CHECK(pod.CountEvents("stopped lost=0") == 1);
    pods_.at(static_cast<std::size_t>(old)).reset();
    CHECK(GoesOn(200));
  }
  [[nodiscard]] bool GoesOn(std::uint64_t requests) {
    const std::uint64_t goal = load_->Answered() + requests;
    return WaitUntil(kTimeout, [&] { return load_->Answered() >= goal; });
  }
  // How many pods had closed their listeners before their endpoint was removed.
  [[nodiscard]] std::size_t StoppedEarly() const { return stopped_early_; }
  WebLoadResult End() { return load_->Stop(); }

 private:
  static std::string NameOf(int number) { return fmt::format("node{}", number); }
  static void Lag() { std::this_thread::sleep_for(kLag); }
  DaemonProcess& Pod(int number) { return *pods_.at(static_cast<std::size_t>(number)); }

  void StartPod(int number) {
    DaemonProcess& pod = pods_.at(static_cast<std::size_t>(number)).emplace();
    pod.LaunchBy(Machines::LauncherFor(number));
    pod.WriteConfig(ShippedConfig());
    pod.Serve(3, {"--workers", "2", "--set", "log.format=text", "--set",
                  "supervision.stop_delay=" + stop_delay_, "--set", "service.site.root=" + folder_.Path()});
    pod.IgnoreDescriptors();  // clients come and go while they are counted
  }

  std::string stop_delay_;
  TempDirectory folder_;
  std::array<std::optional<DaemonProcess>, kNodes + 1> pods_;
  std::optional<Balancer> proxy_;
  std::optional<WebLoad> load_;
  std::size_t stopped_early_ = 0;
};

}  // namespace

TEST_CASE("a rolling update fails no request, although each endpoint is removed after TERM") {
  if (!HaveMachines()) return;
  Cluster cluster("3s");
  REQUIRE(cluster.GoesOn(500));
  cluster.Replace(1, 3);
  cluster.Replace(2, 1);
  const WebLoadResult result = cluster.End();
  MESSAGE(result.Text());
  CHECK(cluster.StoppedEarly() == 0);
  CHECK(result.failed.empty());
  CHECK(static_cast<double>(result.answered.size()) > kRequestsPerSecond * Seconds(result.length) / 2);
}

// Otherwise the case above could pass for a reason of its own.
TEST_CASE("without stop_delay the same update fails requests") {
  if (!HaveMachines()) return;
  Cluster cluster("0");
  REQUIRE(cluster.GoesOn(500));
  cluster.Replace(1, 3);
  const WebLoadResult result = cluster.End();
  MESSAGE(result.Text());
  CHECK(cluster.StoppedEarly() == 1);
  CHECK_FALSE(result.failed.empty());
}

}  // namespace preforkd::testing
