// The central idea of this server, seen from outside: a connection moves from one worker to another and back,
// and its client never notices.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <poll.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

constexpr int kLineIntervalMs = 5;

// Sends a numbered line every few milliseconds until `stop`, without waiting for answers.
void SendLines(TcpClient& client, const std::atomic<bool>& stop, std::atomic<int>& sent) {
  while (!stop) {
    if (!client.SendAll(fmt::format("line {}\n", sent.load()))) return;
    ++sent;
    (void)::poll(nullptr, 0, kLineIntervalMs);  // the pace of the client; nothing is waited for
  }
  client.HalfClose();
}

}  // namespace

TEST_CASE(
    "a client that sends all the time keeps its connection across five reloads, every line once, in order") {
  DaemonProcess daemon;
  daemon.WriteConfig(ConfigText().Workers(2).Listen("s").Service("s", "echo"));
  daemon.Serve(2);
  TcpClient client(daemon.Address());
  std::atomic<bool> stop = false;
  std::atomic<int> sent = 0;
  std::thread sender([&] { SendLines(client, stop, sent); });
  for (int i = 0; i < 5; ++i) {
    const int before = sent;
    CHECK(daemon.Reload());
    CHECK(WaitUntil(kTimeout, [&] { return sent > before + 20; }));
  }
  stop = true;
  sender.join();
  std::string expected;
  for (int i = 0; i < sent; ++i) expected += fmt::format("line {}\n", i);
  const std::optional<std::string> received = client.ReadToEnd();
  REQUIRE(received);
  CHECK(*received == expected);
  CHECK(sent > 100);
  CHECK(daemon.CountEvents("worker_exited") == 0);
}

TEST_CASE("200 idle connections are all alive after each of five reloads") {
  DaemonProcess daemon;
  daemon.Serve(2, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"});
  std::vector<TcpClient> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(daemon.Address());
  for (TcpClient& client : clients) REQUIRE(client.Echoes("before"));
  for (int round = 0; round < 5; ++round) {
    REQUIRE(daemon.Reload());
    int alive = 0;
    for (TcpClient& client : clients) alive += client.Echoes(fmt::format("round {}", round)) ? 1 : 0;
    CHECK(alive == 200);
  }
}

TEST_CASE("a connection in the middle of a long answer travels with the unsent rest") {
  DaemonProcess daemon;
  daemon.Serve(2, {"--service", "echo", "--listen", "127.0.0.1:0", "--workers", "2"});
  TcpClient client(daemon.Address());
  std::string all;
  std::thread sender([&client, &all] {
    for (int i = 0; i < 300; ++i) {
      const std::string part(40000, static_cast<char>('a' + i % 26));
      if (!client.SendAll(part)) return;
      all += part;
    }
    client.HalfClose();
  });
  CHECK(daemon.Reload());
  std::string received;
  for (std::optional<std::string> part = client.ReadSome(); part && !part->empty();
       part = client.ReadSome()) {
    received += *part;
  }
  sender.join();
  CHECK(received.size() == all.size());
  CHECK((received == all));
  CHECK(daemon.AwaitWorkers(2));
}

}  // namespace preforkd::testing
