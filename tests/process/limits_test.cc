// Full descriptor tables: of a worker, of the master, and a user that may not have many descriptors in
// flight. No connection is lost, nothing spins, the log stays short, and the server recovers without a
// restart.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>

#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/load.h"
#include "tests/support/proc_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Lowers the soft limit of another process during the life of this object.
class LoweredLimit {
 public:
  // To the number that it has open now: not one more.
  explicit LoweredLimit(pid_t pid) : pid_(pid) {
    REQUIRE(::prlimit(pid_, RLIMIT_NOFILE, nullptr, &before_) == 0);
    rlimit lowered = before_;
    lowered.rlim_cur = static_cast<rlim_t>(FdSnapshot::Of(pid_).Targets().rbegin()->first) + 1;
    REQUIRE(::prlimit(pid_, RLIMIT_NOFILE, &lowered, nullptr) == 0);
  }
  LoweredLimit(const LoweredLimit&) = delete;
  LoweredLimit& operator=(const LoweredLimit&) = delete;
  ~LoweredLimit() { (void)::prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr); }

 private:
  pid_t pid_;
  rlimit before_{};
};

std::vector<std::string> Flags(const char* service, const std::vector<std::string>& settings = {}) {
  std::vector<std::string> flags = {"--service", service, "--listen", "127.0.0.1:0", "--workers", "2"};
  for (const std::string& setting : settings) flags.insert(flags.end(), {"--set", setting});
  return flags;
}

// Opens `count` clients at once; each leaves when it has its answer, in any order. The number of answers.
std::size_t AnswersOf(int count, const std::string& address) {
  std::vector<TcpClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(address);
    REQUIRE(clients.back().SendAll("pid\n"));
  }
  std::size_t answers = 0;
  (void)WaitUntil(kTimeout, [&] {
    std::erase_if(clients, [&](TcpClient& client) {
      pollfd state{client.Fd(), POLLIN, 0};
      if (::poll(&state, 1, 0) == 0) return false;
      if (client.ReadUntil("\n")) ++answers;
      return true;
    });
    return clients.empty();
  });
  return answers;
}

// The server has closed it.
bool IsClosed(HttpClient& client) {
  char byte = 0;
  return ::recv(client.Connection().Fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// At most one matching line a second, and the first.
bool IsQuiet(const DaemonProcess& daemon, std::string_view query, Duration span) {
  return static_cast<double>(daemon.CountEvents(query)) <= Seconds(span) + 2;
}

}  // namespace

TEST_CASE(
    "the table of one worker is full under load: the other serves, nothing is lost, and then both serve") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.Serve(2, Flags("fault", {"dispatch.policy=round-robin"}));
  const pid_t poor = daemon.ReadyWorkers().at(0).pid;
  int answers = 0;
  const auto ask = [&] {
    TcpClient client(daemon.Address());
    const std::optional<std::string> answer = client.SendAll("pid\n") ? client.ReadUntil("\n") : std::nullopt;
    answers += answer ? 1 : 0;
    return answer ? std::atoi(answer->c_str()) : 0;
  };
  const Time start = Now();
  int asked = 0;
  {
    const LoweredLimit lowered(poor);
    for (; Now() - start < milliseconds(2500); ++asked) (void)ask();
  }
  MESSAGE("a full worker: ", answers, " answers of ", asked);
  CHECK(answers == asked);
  CHECK(daemon.CountEvents("descriptors_short role=worker") > 0);
  CHECK(IsQuiet(daemon, "descriptors_short", Now() - start));
  CHECK(WaitUntil(kTimeout, [&] { return ask() == poor; }));
  CHECK(daemon.CountEvents("worker_exited") == 0);
}

TEST_CASE(
    "the master's table is full under load: accepting pauses, nothing is lost, and it resumes by itself") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http"));
  Load load(LoadKind::kHttp, daemon.Address(), 4);
  CHECK(WaitUntil(kTimeout, [&] { return load.Ok() > 100; }));
  const Time start = Now();
  const double cpu = CpuSeconds(daemon.MasterPid());
  {
    const LoweredLimit lowered(daemon.MasterPid());
    std::vector<TcpClient> waiting;  // they use up what is left, and wait in the backlog
    for (int i = 0; i < 50; ++i) waiting.emplace_back(daemon.Address());
    CHECK(HoldsFor(milliseconds(1500), [&] { return load.Ok() > 0; }));
  }
  const double used = CpuSeconds(daemon.MasterPid()) - cpu;
  const std::uint64_t before = load.Ok();
  CHECK(WaitUntil(kTimeout, [&] { return load.Ok() > before + 100; }));
  const LoadResult result = load.Stop();
  MESSAGE("a full master: ", result.Text(), "; master's CPU meanwhile ", used, " s");
  CHECK(result.Failed() == 0);
  CHECK(IsQuiet(daemon, "accept_paused", Now() - start));
  CHECK(daemon.CountEvents("worker_exited") == 0);
}

TEST_CASE("connections that come back to a full master wait in the channel until there is room") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http", {"parking.after=1s"}));
  std::vector<HttpClient> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(daemon.Address());
  const auto answered = [&] {
    return std::count_if(clients.begin(), clients.end(),
                         [](HttpClient& client) { return client.Get("/").has_value(); });
  };
  CHECK(answered() == 20);  // now they are with the workers, for a second
  const Time start = Now();
  {
    const LoweredLimit lowered(daemon.MasterPid());
    CHECK(daemon.WaitForEvent("descriptors_short role=master lost=0"));
    CHECK(HoldsFor(milliseconds(1500), [&] { return daemon.WorkerPids().size() == 2; }));
  }
  CHECK(IsQuiet(daemon, "descriptors_short role=master lost=0", Now() - start));
  const auto alive = answered();
  MESSAGE("keep-alive connections across a full master: ", alive, " of 20");
  CHECK(alive == 20);
  CHECK(daemon.CountEvents("worker_exited") == 0);
  clients.clear();
}

TEST_CASE("parked connections are closed for new ones when the master's table is full: the oldest first") {
  DaemonProcess daemon;
  daemon.Serve(2, Flags("http", {"parking.after=10ms", "log.level=debug"}));
  std::vector<HttpClient> parked;
  // One after the other, so that the first has been parked for longest.
  for (std::size_t i = 1; i <= 20; ++i) {
    parked.emplace_back(daemon.Address());
    REQUIRE(parked.back().Get("/"));
    REQUIRE(daemon.WaitForEvent("conn_parked", i));
  }
  const LoweredLimit lowered(daemon.MasterPid());
  // Each may need three descriptors: when it is accepted, for the next in the backlog, and when it comes back
  // before its client has left.
  for (int i = 0; i < 5; ++i) {
    HttpClient fresh(daemon.Address());
    CHECK(fresh.Get("/"));
  }
  CHECK(daemon.CountEvents("conn_evicted role=master") > 0);
  CHECK(IsClosed(parked.front()));
  CHECK(std::is_partitioned(parked.begin(), parked.end(), IsClosed));
  CHECK(parked.back().Get("/"));
  parked.clear();
}

TEST_CASE("an unprivileged master with few descriptors and a stopped worker: the other worker answers all") {
  for (const std::uint64_t limit : {256U, 100U}) {
    CAPTURE(limit);
    DaemonProcess daemon(kPreforkdWithFaults);
    if (!daemon.BecomeNobody(limit)) {
      MESSAGE("skipped: needs root and more than one user id");
      return;
    }
    daemon.Serve(2,
                 Flags("fault", {"dispatch.policy=round-robin", "dispatch.max_queue=256", "workers_max=2"}));
    const pid_t stopped = daemon.WorkerPids().at(0);
    REQUIRE(::kill(stopped, SIGSTOP) == 0);
    std::size_t answers = 0;
    for (int round = 0; round < 3; ++round) answers += AnswersOf(200, daemon.Address());
    REQUIRE(::kill(stopped, SIGCONT) == 0);
    MESSAGE("unprivileged, ", limit, " descriptors, one of two workers stopped: ", answers,
            " answers of 600; lines of too many in flight: ", daemon.CountEvents("descriptors_in_flight"));
    CHECK(answers == 600);
    CHECK(daemon.CountEvents("worker_exited") == 0);
    if (limit == 100) CHECK(daemon.CountEvents("descriptors_in_flight") > 0);  // ETOOMANYREFS did happen
  }
}

}  // namespace preforkd::testing
