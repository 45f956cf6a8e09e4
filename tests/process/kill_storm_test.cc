// A worker is killed every 100 ms, at random, under load: who pays is the client that it was serving, nobody
// else; and the accounts are right at every moment.
//
// STORM_SECONDS makes the storm longer than its ten seconds.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <poll.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/support/daemon_process.h"
#include "tests/support/load.h"
#include "tests/support/server_status.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr int kClients = 8;
constexpr std::uint64_t kServedAtOnce = 1;  // by one worker: it answers one request before it takes the next
constexpr int kLookIntervalMs = 10;
// What a storm must have seen to prove anything, and when it is not worth waiting for any more.
constexpr std::uint64_t kLooks = 300;
constexpr std::uint64_t kAnswers = 1000;
constexpr std::size_t kKills = 50;
constexpr Duration kLongest = std::chrono::seconds(120);

std::chrono::seconds StormLength() {
  const char* seconds = std::getenv("STORM_SECONDS");
  return std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 10);
}

std::string Config() {
  return "workers = 4\n"
         "[[listen]]\naddress = \"127.0.0.1:0\"\nservice = \"web\"\n"
         "[[listen]]\naddress = \"127.0.0.2:0\"\nservice = \"status\"\n"
         "[service.web]\ntype = \"http\"\n[service.status]\ntype = \"status\"\n";
}

// What the test itself did to the server and saw of it.
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

// As long as it is to be, and until it has shown enough, however slow the machine is.
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
      // On a busy machine it may have been killed before and not be dead yet: that is one death.
      if (victim != 0 && ::kill(victim, SIGKILL) == 0) storm.killed.insert(victim);
      next_kill += milliseconds(100);
    }
    storm.Check(status);
    (void)::poll(nullptr, 0, kLookIntervalMs);  // the pace of the looks
  }
  return storm;
}

}  // namespace

TEST_CASE("kill -9 every 100 ms under load: at most the request that each was serving fails, and no other") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.ExpectLine("signal 9 (KILL)");
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

  // At rest: nothing is left in progress but the connection that asks, and every connection is accounted for.
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
  CHECK(page->lost >= failed);  // one whose answer was out, but not yet booked, when its worker was killed
  CHECK(page->restarts <= storm.killed.size());
  CHECK(page->restarts + 5 >=
        storm.killed.size());  // extras that were told to leave just then are not replaced
}

}  // namespace preforkd::testing
