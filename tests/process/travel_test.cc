// 200 idle keep-alive clients across everything that ends a worker: each then makes a request on its existing
// connection. No client reconnects, and no connection is lost.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/server_status.h"

namespace preforkd::testing {
namespace {

constexpr int kClients = 200;

// Without extra workers: on a busy machine 200 clients at once may make a worker look blocked, and workers
// are counted.
ConfigText Config(int workers) {
  return ConfigText()
      .Workers(workers)
      .Listen("web")
      .Listen("look", "127.0.0.2:0")
      .Service("web", "http")
      .Service("look", "status");
}

// A server with its clients, all of them idle and parked.
struct Scene {
  explicit Scene(std::size_t workers) : daemon(Serving(workers)), clients(daemon->Address(), kClients) {}

  static std::unique_ptr<DaemonProcess> Serving(std::size_t workers) {
    auto daemon = std::make_unique<DaemonProcess>();
    daemon->WriteConfig(Config(static_cast<int>(workers)));
    daemon->Serve(workers);
    return daemon;
  }

  [[nodiscard]] ServerStatus Status() const { return AskStatus(daemon->Address(1)); }
  // All are answered on the connections that they have had since the start.
  void Check(const char* after) {
    const int answered = clients.Answered();
    const ServerStatus status = Status();
    MESSAGE(fmt::format("after {}: {} of {} answered, {} reconnects; {}", after, answered, kClients,
                        status.accepted_at_first - kClients, status.Text()));
    CHECK(answered == kClients);
    CHECK(status.accepted_at_first == kClients);
    CHECK(status.lost == 0);
    CHECK(status.Exact());
  }

  std::unique_ptr<DaemonProcess> daemon;
  KeepAliveClients clients;
};

void KillAndAwaitSuccessor(const DaemonProcess& daemon, pid_t victim, std::size_t workers) {
  REQUIRE(::kill(victim, SIGKILL) == 0);
  const bool replaced = WaitUntil(kTimeout, [&] {
    const std::vector<WorkerLife> ready = daemon.ReadyWorkers();
    const bool gone =
        std::none_of(ready.begin(), ready.end(), [&](const WorkerLife& life) { return life.pid == victim; });
    return gone && ready.size() == workers;
  });
  REQUIRE(replaced);
}

}  // namespace

TEST_CASE("idle clients are served after HUP") {
  Scene scene(2);
  REQUIRE(scene.daemon->AwaitAllParked());
  CHECK(scene.daemon->Reload());
  scene.Check("HUP");
  // Again at once: the connections are with the workers now, and are handed back by them.
  CHECK(scene.daemon->Reload());
  scene.Check("HUP within parking.after");
  CHECK(scene.daemon->AwaitWorkers(2));
}

TEST_CASE("idle clients are served after HUP with another number of workers") {
  Scene scene(2);
  for (const int workers : {5, 1, 3}) {
    scene.daemon->WriteConfig(Config(workers));
    CHECK(scene.daemon->Reload());
    scene.Check(fmt::format("HUP to {} workers", workers).c_str());
    CHECK(scene.daemon->AwaitWorkers(static_cast<std::size_t>(workers)));
  }
  scene.daemon->WriteConfig(Config(2));  // as many descriptors as at first
  CHECK(scene.daemon->Reload());
  scene.Check("HUP to 2 workers");
}

TEST_CASE("idle clients are served after kill -9 of every worker in turn") {
  Scene scene(4);
  scene.daemon->ExpectEvent("worker_exited exit=SIGKILL");
  for (const pid_t victim : scene.daemon->WorkerPids()) {
    REQUIRE(scene.daemon->AwaitAllParked());
    KillAndAwaitSuccessor(*scene.daemon, victim, 4);
    scene.Check("kill -9 of one worker");
  }
}

TEST_CASE("idle clients are served after kill -9 of all workers at once") {
  Scene scene(4);
  scene.daemon->ExpectEvent("worker_exited exit=SIGKILL");
  REQUIRE(scene.daemon->AwaitAllParked());
  for (const pid_t victim : scene.daemon->WorkerPids()) REQUIRE(::kill(victim, SIGKILL) == 0);
  scene.Check("kill -9 of all");
  CHECK(scene.daemon->AwaitWorkers(4));
}

TEST_CASE("idle clients are served after TTOU down to one worker, and TTIN back") {
  Scene scene(4);
  for (std::size_t workers = 3; workers >= 1; --workers) {
    scene.daemon->Signal(SIGTTOU);
    CHECK(scene.daemon->AwaitWorkers(workers));
  }
  scene.Check("TTOU down to 1");
  for (std::size_t workers = 2; workers <= 4; ++workers) {
    scene.daemon->Signal(SIGTTIN);
    CHECK(scene.daemon->AwaitWorkers(workers));
  }
  scene.Check("TTIN back to 4");
}

TEST_CASE("idle clients are served after TERM of one worker") {
  Scene scene(2);
  const pid_t leaving = scene.daemon->WorkerPids().at(0);
  REQUIRE(::kill(leaving, SIGTERM) == 0);
  const bool left = WaitUntil(kTimeout, [&] {
    const std::vector<pid_t> alive = scene.daemon->WorkerPids();
    return std::find(alive.begin(), alive.end(), leaving) == alive.end();
  });
  CHECK(left);
  scene.Check("TERM of one worker");
  CHECK(scene.daemon->AwaitWorkers(2));
}

}  // namespace preforkd::testing
