// Parking that learns: who asks again soon after it was parked travels once and then stays; and what a crash
// costs clients of each rhythm, with and without it.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/metrics_page.h"
#include "tests/support/program_shelf.h"
#include "tests/support/server_status.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ConfigText Config(const char* after, const char* max_after) {
  return ConfigText()
      .Workers(2)
      .Set("parking.after", after)
      .Set("parking.max_after", max_after)
      .Listen("web")
      .Listen("look", "127.0.0.2:0")
      .Service("web", "http")
      .Service("look", "status");
}

double IdleReturns(const DaemonProcess& daemon) {
  const std::optional<MetricsPage> page = MetricsPage::Read(daemon.Address(1));
  REQUIRE(page);
  return page->Value("preforkd_handovers_total{direction=\"to_master\",reason=\"idle\"}");
}

// A worker on a busy machine is slow at first, and would let nobody stay.
void WarmUp(const DaemonProcess& daemon) {
  for (int i = 0; i < 200; ++i) REQUIRE(HttpClient(daemon.Address()).Get("/", "Connection: close\r\n"));
}

// Is silent for that long, and asks.
void AskAfter(HttpClient& client, Duration silence) {
  std::this_thread::sleep_for(silence);
  REQUIRE(client.Get("/"));
}

// It is silent again and again for longer than parking.after, and does not travel. If the machine has made it
// pause for about as long as it stays, nothing can be said.
void CheckItStays(const DaemonProcess& daemon, HttpClient& client, Duration pause, Duration stay) {
  const double before = IdleReturns(daemon);
  Duration longest{0};
  for (int i = 0; i < 4; ++i) {
    const Time start = Now();
    AskAfter(client, pause);
    longest = std::max(longest, Now() - start);
  }
  const double travelled = IdleReturns(daemon) - before;
  MESSAGE(fmt::format("{} journeys in four pauses, the longest {:.2f} s", travelled, Seconds(longest)));
  if (longest < stay - milliseconds(100)) CHECK(travelled == 0);
}

// Clients that each ask once in `rhythm`, one after the other. Those of rhythm 0 ask once.
class Clients {
 public:
  Clients(const std::string& address, int count, Duration rhythm)
      : rhythm_(rhythm), answered_(static_cast<std::size_t>(count)) {
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back(address);
      Ask(static_cast<std::size_t>(i));
    }
    if (rhythm > Duration(0)) thread_ = std::thread([this] { Run(); });
  }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;
  ~Clients() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

  struct Survivors {
    int answered = 0;
    int of_silent = 0;  // that had been silent for `silence` when the workers were killed
    int silent = 0;
  };
  // Who is still answered on its connection.
  Survivors Count(Time killed, Duration silence) {
    Survivors result;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      const bool silent = killed - answered_[i] > silence;
      const bool lives = clients_[i].Get("/").has_value();
      result.silent += silent ? 1 : 0;
      result.answered += lives ? 1 : 0;
      result.of_silent += lives && silent ? 1 : 0;
    }
    return result;
  }
  [[nodiscard]] int Size() const { return static_cast<int>(clients_.size()); }

 private:
  void Ask(std::size_t index) {
    if (!clients_[index].Get("/")) throw std::runtime_error("a client is not answered");
    answered_[index] = Now();
  }

  void Run() {
    const Duration step = rhythm_ / Size();
    Time next = Now();
    for (std::size_t i = 0; !stop_; i = (i + 1) % clients_.size()) {
      std::this_thread::sleep_until(next);
      next += step;
      if (!stop_) Ask(i);
    }
  }

  Duration rhythm_;
  std::vector<HttpClient> clients_;
  std::vector<Time> answered_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct Group {
  const char* name;
  int count;
  Duration rhythm;
};
constexpr Group kGroups[] = {
    {"idle for two seconds and more", 200, Duration(0)},
    {"a request every 400 ms", 100, milliseconds(400)},
    {"a request every 700 ms", 100, milliseconds(700)},
    {"a request every 3 s", 100, seconds(3)},
};

// Kills all workers at once, and tells how many of each group are left.
void KillAll(const char* max_after, Duration longest_stay) {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("250ms", max_after));
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.Serve(2);
  std::vector<std::unique_ptr<Clients>> groups;
  for (const Group& group : kGroups)
    groups.push_back(std::make_unique<Clients>(daemon.Address(), group.count, group.rhythm));
  std::this_thread::sleep_for(seconds(5));
  const std::vector<pid_t> workers = daemon.WorkerPids();
  for (const auto& group : groups) group->Stop();
  const Time killed = Now();
  for (const pid_t worker : workers) REQUIRE(::kill(worker, SIGKILL) == 0);
  CHECK(daemon.AwaitWorkers(2));
  // A timer of the worker may be late on a busy machine.
  const Duration silence = longest_stay + milliseconds(400);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Clients::Survivors left = groups[i]->Count(killed, silence);
    MESSAGE(fmt::format(
        "max_after {}: {} of {} answered after kill -9 of all workers: {}; of {} silent for {:.2f} s {}",
        max_after, left.answered, groups[i]->Size(), kGroups[i].name, left.silent, Seconds(silence),
        left.of_silent));
    CHECK(left.of_silent == left.silent);
    if (i == 0) CHECK(left.answered == groups[i]->Size());
  }
}

}  // namespace

TEST_CASE(
    "a client that asks again soon after it was parked travels once, and is parked again when it is silent") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("100ms", "20s"));
  daemon.Serve(2);
  WarmUp(daemon);
  HttpClient client(daemon.Address());
  REQUIRE(client.Get("/"));
  REQUIRE(daemon.AwaitAllParked());
  CHECK(IdleReturns(daemon) == 1);
  AskAfter(client, milliseconds(1600));  // from now on it stays for three seconds or more
  CheckItStays(daemon, client, seconds(2), seconds(3));
  CHECK(daemon.AwaitAllParked());
  CHECK(IdleReturns(daemon) >= 2);
}

TEST_CASE(
    "a new client that asks every 400 ms does not travel at all; one that was silent for long goes back") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("250ms", "1s"));
  daemon.Serve(2);
  WarmUp(daemon);
  HttpClient client(daemon.Address());
  REQUIRE(client.Get("/"));
  CheckItStays(daemon, client, milliseconds(400), seconds(1));
  const double before = IdleReturns(daemon);
  REQUIRE(daemon.AwaitAllParked());
  AskAfter(client, milliseconds(1200));
  CHECK(WaitUntil(kTimeout, [&] { return IdleReturns(daemon) == before + 2; }));
}

TEST_CASE("a reload keeps the rhythm") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("100ms", "20s"));
  daemon.Serve(2);
  WarmUp(daemon);
  HttpClient client(daemon.Address());
  REQUIRE(client.Get("/"));
  REQUIRE(daemon.AwaitAllParked());
  AskAfter(client, milliseconds(1600));
  CHECK(daemon.Reload());
  WarmUp(daemon);
  REQUIRE(client.Get("/"));
  CheckItStays(daemon, client, milliseconds(700), seconds(3));
}

TEST_CASE("an upgrade keeps the rhythm: of one that is parked meanwhile, too") {
  ProgramShelf shelf(kPreforkd);
  DaemonProcess daemon(shelf.Path());
  daemon.WriteConfig(Config("100ms", "60s"));
  daemon.Serve(2);
  HttpClient client(daemon.Address());
  REQUIRE(client.Get("/"));
  REQUIRE(daemon.AwaitAllParked());
  std::this_thread::sleep_for(milliseconds(1600));
  shelf.Put(kPreforkdNext);
  REQUIRE(Ctl(daemon, {"upgrade", "--wait"}).code == 0);
  WarmUp(daemon);
  REQUIRE(client.Get("/"));  // its worker learns from what the old program has noted
  CheckItStays(daemon, client, milliseconds(700), seconds(3));
}

TEST_CASE("with parking.max_after = 0 every client goes back after parking.after") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("50ms", "0"));
  daemon.Serve(2);
  HttpClient client(daemon.Address());
  for (int journeys = 1; journeys <= 4; ++journeys) {
    REQUIRE(client.Get("/"));
    CHECK(WaitUntil(kTimeout, [&] { return IdleReturns(daemon) == journeys; }));
  }
}

TEST_CASE("kill -9 of all workers, for clients of different rhythms: each is parked after 250 ms") {
  KillAll("0", milliseconds(250));
}

TEST_CASE("kill -9 of all workers, for clients of different rhythms: parking learns") {
  KillAll("1s", seconds(1));
}

}  // namespace preforkd::testing
