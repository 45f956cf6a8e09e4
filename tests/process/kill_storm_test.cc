// A random worker is killed every 100 ms under load: only the client that it was serving is affected, and the
// counters are right at every moment.
//
// STORM_SECONDS makes the storm longer than its ten seconds.
#include <doctest/doctest.h>
#include <poll.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/load.h"
#include "tests/support/server_status.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr int kClients = 8;
constexpr std::uint64_t kServedAtOnce = 1;  // a worker answers one request before it takes the next
constexpr int kLookIntervalMs = 10;
// The least that a storm must have seen to prove anything, and the longest that it may take.
constexpr std::uint64_t kLooks = 300;
constexpr std::uint64_t kAnswers = 1000;
constexpr std::size_t kKills = 50;
constexpr Duration kLongest = std::chrono::seconds(120);

std::chrono::seconds StormLength() {
  const char* seconds = std::getenv("STORM_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 10);
}

ConfigText Config() {
  return ConfigText()
      .Workers(4)
      .Listen("web")
      .Listen("status", "127.0.0.2:0")
      .Service("web", "http")
      .Service("status", "status");
}

// What the test did to the server and what it observed.
struct Storm {
  std::set<pid_t> killed;
  std::uint64_t looks = 0;         // connections to the status service
  std::uint64_t failed_looks = 0;  // their worker was killed
  std::uint64_t inexact = 0;
  std::string first_inexact;

  void Check(const std::string& address) {
    ++looks;
    const std::optional<ServerStatus> page = TryAskStatus(address);
    if (!page) {
      ++failed_looks;
    } else if (!page->Exact()) {
      if (inexact++ == 0) first_inexact = page->Text();
    }
  }
};

// Runs for StormLength and until it has seen enough, however slow the machine is.
Storm Rage(const DaemonProcess& daemon, const std::string& status, const Load& load) {
  std::mt19937 random(1);
  Storm storm;
  const Time start = Now();
  const auto enough = [&] {
    return storm.looks >= kLooks && load.Ok() >= kAnswers && storm.killed.size() >= kKills;
  };
  for (Time next_kill = start; Now() < start + StormLength() || (!enough() && Now() < start + kLongest);) {
    if (Now() >= next_kill) {
      const std::vector<pid_t> workers = daemon.WorkerPids();
      const pid_t victim = workers.empty() ? 0 : workers[random() % workers.size()];
      // On a busy machine it may have been killed before and not have ended yet: that counts once.
      if (victim != 0 && ::kill(victim, SIGKILL) == 0) storm.killed.insert(victim);
      next_kill += milliseconds(100);
    }
    storm.Check(status);
    (void)::poll(nullptr, 0, kLookIntervalMs);  // the interval of the looks
  }
  return storm;
}

}  // namespace

TEST_CASE("kill -9 every 100 ms under load: at most the request that each worker was serving fails") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.ExpectEvent("worker_exited exit=SIGKILL");
  daemon.Serve(4);
  const std::string web = daemon.Address(0);
  const std::string status = daemon.Address(1);

  Load load(LoadKind::kHttp, web, kClients);
  Storm storm = Rage(daemon, status, load);
  const LoadResult result = load.Stop();

  const std::uint64_t failed = result.Failed() + storm.failed_looks;
  MESSAGE("kills ", storm.killed.size(), "; ", result.Text(), "; looks ", storm.looks, ", failed ",
          storm.failed_looks, ", inexact ", storm.inexact);
  CHECK(result.not_connected == 0);
  CHECK(result.timed_out == 0);
  CHECK(result.wrong == 0);
  CHECK(failed <= storm.killed.size() * kServedAtOnce);
  CHECK(result.ok >= kAnswers);
  CHECK(storm.looks >= kLooks);
  CHECK(storm.killed.size() >= kKills);
  CAPTURE(storm.first_inexact);
  CHECK(storm.inexact == 0);

  // At rest only the connection that asks is in progress, and every connection is counted.
  REQUIRE(daemon.AwaitWorkers(4));
  std::optional<ServerStatus> page;
  CHECK(WaitUntil(kTimeout, [&] {
    ++storm.looks;
    page = TryAskStatus(status);
    return page && page->in_progress == 1;
  }));
  REQUIRE(page);
  MESSAGE("at the end: ", page->Text());
  CHECK(page->Exact());
  CHECK(page->accepted == result.ok + result.Failed() + storm.looks);
  CHECK(page->lost >= failed);  // an answer may be sent but not counted when the worker is killed
  CHECK(page->restarts <= storm.killed.size());
  CHECK(page->restarts + 5 >= storm.killed.size());  // extras that were just retiring are not replaced
}

}  // namespace preforkd::testing
