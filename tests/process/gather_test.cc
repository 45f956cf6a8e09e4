// More workers than CPUs: connections are gathered on few workers while those answer quickly, and spread as
// soon as they do not.
#include <doctest/doctest.h>
#include <sched.h>

#include <algorithm>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/fd_snapshot.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

ConfigText Config() {
  return ConfigText()
      .Workers(8)
      .Set("parking.after", 0)
      .Listen("fault")
      .Listen("look", "127.0.0.2:0")
      .Listen("echo", "127.0.0.3:0")
      .Service("echo", "echo")
      .Service("look", "status")
      .Service("fault", "fault");
}

// Pins this process, and so the server, to one CPU during a test: "more workers than CPUs" on any machine.
class OneCpu {
 public:
  OneCpu() {
    REQUIRE(::sched_getaffinity(0, sizeof(before_), &before_) == 0);
    std::size_t first = 0;
    while (!CPU_ISSET(first, &before_)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    REQUIRE(::sched_setaffinity(0, sizeof(one), &one) == 0);
  }
  OneCpu(const OneCpu&) = delete;
  OneCpu& operator=(const OneCpu&) = delete;
  ~OneCpu() { (void)::sched_setaffinity(0, sizeof(before_), &before_); }

 private:
  cpu_set_t before_;
};

// One client after the other.
void Serve(const DaemonProcess& daemon, int clients, const std::string& request) {
  for (int i = 0; i < clients; ++i) {
    TcpClient client(daemon.Address());
    REQUIRE(client.SendAll(request));
    REQUIRE(client.ReadUntil("\n"));
  }
}

bool Gathers(const DaemonProcess& daemon) { return AskStatus(daemon.Address(1)).gathers; }

// Workers that have connections. Apart from them a worker's only socket is its channel.
std::size_t WorkersInUse(const DaemonProcess& daemon) {
  const std::vector<pid_t> workers = daemon.WorkerPids();
  return static_cast<std::size_t>(std::count_if(workers.begin(), workers.end(), [](pid_t worker) {
    return FdSnapshot::Of(worker).Count("socket") > 1;
  }));
}

bool AllAnswered(std::vector<TcpClient>& clients) {
  return std::all_of(clients.begin(), clients.end(), [](TcpClient& client) { return client.Echoes("x"); });
}

}  // namespace

TEST_CASE("kept connections are gathered while workers are quick, and spread when they become slow") {
  const OneCpu one;
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(8);
  CHECK_FALSE(Gathers(daemon));    // nothing is measured yet
  std::vector<TcpClient> clients;  // their connections can travel
  // On a busy machine callbacks may become slow meanwhile, and the gathering ends: then once more. Spread
  // evenly they would be in six workers, each time.
  REQUIRE(WaitUntil(3 * kTimeout, [&] {
    clients.clear();
    Serve(daemon, 300, "pid\n");
    if (!Gathers(daemon)) return false;
    for (int i = 0; i < 6; ++i) clients.emplace_back(daemon.Address(2));
    return AllAnswered(clients) && WorkersInUse(daemon) <= 2;  // two if the first got no CPU time for a while
  }));
  REQUIRE(WaitUntil(kTimeout, [&] {
    Serve(daemon, 20, "sleep 20\n");
    return !Gathers(daemon);
  }));
  // At a heartbeat a worker hands back what exceeds its share. Each client moves on when it sends something.
  CHECK(WaitUntil(kTimeout, [&] { return AllAnswered(clients) && WorkersInUse(daemon) >= 4; }));
  CHECK(AllAnswered(clients));
  CHECK(AskStatus(daemon.Address(1)).lost == 0);
  clients.clear();
  daemon.RebaseDescriptors();
}

}  // namespace preforkd::testing
