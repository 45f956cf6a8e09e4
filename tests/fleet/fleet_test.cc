// Three machines behind HAProxy, under open load: no request fails when an administrator restarts, upgrades
// or drains one after the other, or when one of them fails.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <deque>
#include <optional>

#include "tests/fleet/balancer.h"
#include "tests/fleet/have_machines.h"
#include "tests/fleet/machines.h"
#include "tests/support/command.h"
#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/web_load.h"

namespace preforkd::testing {
namespace {

using std::chrono::seconds;

#ifdef PREFORKD_SANITIZED
constexpr double kRequestsPerSecond = 300;
#else
constexpr double kRequestsPerSecond = 2000;
#endif

// One machine with preforkd as the shipped haproxy.cfg expects it.
class Node {
 public:
  explicit Node(int number, const std::string& root)
      : name_(fmt::format("node{}", number)),
        number_(number),
        config_(Config(Machines::AddressOf(number), root)) {}

  void Start() {
    daemon_.emplace();
    daemon_->LaunchBy(Machines::LauncherFor(number_));
    daemon_->WriteConfig(config_);
    daemon_->Serve(2);
    daemon_->IgnoreDescriptors();  // clients come and go while they are counted
  }
  // Stops and checks it.
  void End() { daemon_.reset(); }

  [[nodiscard]] const std::string& Name() const { return name_; }
  [[nodiscard]] DaemonProcess& Daemon() { return *daemon_; }

 private:
  static ConfigText Config(const std::string& address, const std::string& root) {
    return ConfigText()
        .Workers(2)
        .Set("supervision.stop_delay", "3s")
        .Listen("site", address + ":8080", {{"proxy_protocol", true}})
        .Listen("status", address + ":9100")
        .Service("site", "http", {{"root", root}})
        .Service("status", "status");
  }

  std::string name_;
  int number_;
  ConfigText config_;
  std::optional<DaemonProcess> daemon_;
};

// The nodes, HAProxy in front of them, and clients under open load.
class Fleet {
 public:
  Fleet() {
    WriteFile(root_.Path("file"), kBody);
    for (int number = 1; number <= kNodes; ++number) {
      nodes_.emplace_back(number, root_.Path());
      nodes_.back().Start();
    }
    balancer_.emplace(RunfilePath("tools/package/haproxy.cfg"));
    for (const Node& node : nodes_) REQUIRE(balancer_->Sees(node.Name(), "UP"));
    load_.emplace(WebLoadPlan{"192.0.2.1:80", "/file", kBody, kRequestsPerSecond});
  }

  // All nodes pass their stop_delay at the same time.
  ~Fleet() {
    load_.reset();
    balancer_.reset();
    for (Node& node : nodes_) node.Daemon().Signal(SIGTERM);
    for (Node& node : nodes_) (void)node.Daemon().Wait();
  }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  std::deque<Node>& Nodes() { return nodes_; }
  Balancer& Front() { return *balancer_; }
  // Waits until so many more requests are answered.
  [[nodiscard]] bool GoesOn(std::uint64_t requests) {
    const std::uint64_t goal = load_->Answered() + requests;
    return WaitUntil(kTimeout, [&] { return load_->Answered() >= goal; });
  }
  // The end: checks that no request has failed.
  void Judge(const std::string& what) {
    const WebLoadResult result = load_->Stop();
    MESSAGE(what, ": ", result.Text(), "; HAProxy tried again: ", balancer_->Retries());
    CHECK(result.failed.empty());
    CHECK(static_cast<double>(result.answered.size()) > kRequestsPerSecond * Seconds(result.length) / 2);
  }

 private:
  static constexpr const char* kBody = "what all machines serve\n";

  TempDirectory root_;
  std::deque<Node> nodes_;
  std::optional<Balancer> balancer_;
  std::optional<WebLoad> load_;
};

}  // namespace

TEST_CASE("one node after the other is restarted, and no request fails") {
  if (!HaveMachines()) return;
  Fleet fleet;
  REQUIRE(fleet.GoesOn(500));
  for (Node& node : fleet.Nodes()) {
    node.Daemon().Signal(SIGTERM);
    CHECK(fleet.Front().Sees(node.Name(), "DOWN"));
    CHECK(node.Daemon().CountEvents("stopping") == 0);  // HAProxy took it out before it stopped accepting
    CHECK(node.Daemon().Wait() == 0);
    CHECK(node.Daemon().CountEvents("stopped lost=0") == 1);
    node.End();
    node.Start();
    CHECK(fleet.Front().Sees(node.Name(), "UP"));
    CHECK(fleet.GoesOn(500));
  }
  CHECK(fleet.Front().Retries() == 0);  // so requests that must not be made twice do not fail either
  fleet.Judge("three restarts");
}

TEST_CASE("one node after the other is upgraded in place, and HAProxy needs no retry") {
  if (!HaveMachines()) return;
  Fleet fleet;
  REQUIRE(fleet.GoesOn(500));
  for (Node& node : fleet.Nodes()) {
    DaemonProcess& daemon = node.Daemon();
    const CommandResult upgrade = Ctl(daemon, {"upgrade", "--wait"});
    CAPTURE(upgrade.err);
    CHECK(upgrade.code == 0);
    CHECK_FALSE(daemon.Wait(Duration(0)));  // the process is the same
    CHECK(daemon.AwaitWorkers(2));
    CHECK(fleet.GoesOn(1000));
    CHECK(fleet.Front().Sees(node.Name(), "UP"));
  }
  CHECK(fleet.Front().Retries() == 0);
  fleet.Judge("three upgrades in place");
}

TEST_CASE("a node that HAProxy drains gets no new sessions until it is put back") {
  if (!HaveMachines()) return;
  Fleet fleet;
  REQUIRE(fleet.GoesOn(500));
  const std::string& node = fleet.Nodes()[2].Name();
  fleet.Front().Set(node, "drain");
  CHECK(fleet.Front().Sees(node, "DRAIN"));
  CHECK(WaitUntil(kTimeout, [&] { return fleet.Front().Number(node, "scur") == 0; }));
  const unsigned long before = fleet.Front().Number(node, "stot");
  CHECK(fleet.GoesOn(1000));
  CHECK(fleet.Front().Number(node, "stot") == before);
  fleet.Front().Set(node, "ready");
  CHECK(fleet.Front().Sees(node, "UP"));
  CHECK(WaitUntil(kTimeout, [&] { return fleet.Front().Number(node, "stot") > before; }));
  CHECK(fleet.Front().Retries() == 0);
  fleet.Judge("one node drained and back");
}

TEST_CASE("all workers of one node are killed, again and again, and another node crashes") {
  if (!HaveMachines()) return;
  Fleet fleet;
  DaemonProcess& victim = fleet.Nodes()[0].Daemon();
  victim.ExpectEvent("worker_exited exit=SIGKILL");
  for (std::size_t round = 1; round <= 5; ++round) {
    CHECK(fleet.GoesOn(1000));
    for (const pid_t worker : victim.WorkerPids()) ::kill(worker, SIGKILL);
    CHECK(victim.WaitForEvent("worker_exited exit=SIGKILL", 2 * round));
    CHECK(victim.AwaitWorkers(2));
  }
  Node& crashed = fleet.Nodes()[1];
  crashed.Daemon().ExpectOrphans();
  crashed.Daemon().ExpectExit(128 + SIGKILL);
  const std::vector<pid_t> workers = crashed.Daemon().WorkerPids();
  crashed.Daemon().Signal(SIGKILL);
  for (const pid_t worker : workers) ::kill(worker, SIGKILL);
  CHECK(fleet.Front().Sees(crashed.Name(), "DOWN"));
  CHECK(crashed.Daemon().Wait() == 128 + SIGKILL);
  crashed.End();
  CHECK(fleet.GoesOn(1000));
  crashed.Start();
  CHECK(fleet.Front().Sees(crashed.Name(), "UP"));
  fleet.Judge("five times all workers, once all of a node");
}

}  // namespace preforkd::testing
