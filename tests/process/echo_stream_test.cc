// Busy clients while the server is reloaded again and again: each keeps its one connection, and every byte
// comes back once and in order.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/keep_alive_clients.h"
#include "tests/support/pace.h"
#include "tests/support/server_status.h"
#include "tests/support/tcp_client.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kSpan = seconds(10);

ConfigText Config(const std::string& type) {
  return ConfigText()
      .Workers(2)
      .Listen("s")
      .Listen("look", "127.0.0.2:0")
      .Service("look", "status")
      .Service("s", type);
}

// A thread sends numbered lines at a steady pace; Finish compares what comes back.
class Streamer {
 public:
  Streamer(const std::string& address, Duration interval)
      : client_(address), sender_([this, interval] { Send(interval); }) {}

  // Ends the sender. The number of lines that came back once and in order before the first that did not.
  std::uint64_t Finish() {
    stop_ = true;
    std::uint64_t in_order = 0;
    while (client_.ReadUntil("\n") == Line(in_order)) ++in_order;
    sender_.join();
    return in_order;
  }
  [[nodiscard]] std::uint64_t Sent() const { return sent_; }

 private:
  static std::string Line(std::uint64_t number) { return fmt::format("line {}\n", number); }

  void Send(Duration interval) {
    Pace pace(interval);
    while (!stop_) {
      if (!client_.SendAll(Line(sent_))) break;
      ++sent_;
      pace.Wait();
    }
    client_.HalfClose();
  }

  TcpClient client_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> sent_{0};
  std::thread sender_;
};

// Bytes in a queue of the kernel, as the client of a Unix socket sees it (unix(7)). SIOCINQ: not read by the
// client. SIOCOUTQ: not read by the server, 0 only when there are none.
int Queued(const TcpClient& client, unsigned long which) {
  int bytes = 0;
  REQUIRE(::ioctl(client.Fd(), which, &bytes) == 0);
  return bytes;
}

// HUPs at a steady pace for `span`.
void ReloadAgainAndAgain(const DaemonProcess& daemon, int count, Duration span) {
  Pace pace(span / count);
  for (int i = 0; i < count; ++i) {
    daemon.Signal(SIGHUP);
    pace.Wait();
  }
}

void CheckOneConnectionEach(const DaemonProcess& daemon, std::uint64_t clients) {
  const ServerStatus status = AskStatus(daemon.Address(1));
  MESSAGE(fmt::format("{} reloads done; {}", daemon.CountEvents("reload_done"), status.Text()));
  CHECK(status.accepted_at_first == clients);
  CHECK(status.lost == 0);
}

}  // namespace

TEST_CASE("an echo session that sends a line every 5 ms across 50 SIGHUPs in 10 s") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config("echo"));
  daemon.Serve(2);
  Streamer streamer(daemon.Address(), milliseconds(5));
  ReloadAgainAndAgain(daemon, 50, kSpan);
  const std::uint64_t in_order = streamer.Finish();
  MESSAGE(fmt::format("{} lines sent, {} back in order", streamer.Sent(), in_order));
  CHECK(in_order == streamer.Sent());
  CHECK(in_order > 500);
  CHECK(daemon.CountEvents("reload_done") > 10);
  CheckOneConnectionEach(daemon, 1);
}

TEST_CASE("clients that send a request every 100 ms for 10 s across 30 reloads") {
  constexpr int kClients = 20;
  DaemonProcess daemon;
  daemon.WriteConfig(Config("http"));
  daemon.Serve(2);
  KeepAliveClients clients(daemon.Address(), kClients);
  std::atomic<bool> stop{false};
  std::uint64_t rounds = 0;
  std::uint64_t unanswered = 0;
  std::thread asking([&] {
    for (Pace pace(milliseconds(100)); !stop; pace.Wait()) {
      ++rounds;
      unanswered += static_cast<std::uint64_t>(kClients - clients.Answered());
    }
  });
  ReloadAgainAndAgain(daemon, 30, kSpan);
  stop = true;
  asking.join();
  MESSAGE(fmt::format("{} requests of {} clients, {} unanswered", rounds * kClients, kClients, unanswered));
  CHECK(unanswered == 0);
  CHECK(rounds > 20);
  CheckOneConnectionEach(daemon, kClients);
}

TEST_CASE("a half-sent answer goes on in another worker, without more input from the client") {
  const std::string piece(8 * 1024, 'x');
  DaemonProcess daemon;
  const std::string address = "unix:" + daemon.Path("echo.sock");
  daemon.Serve(2, {"--service", "echo", "--listen", address, "--workers", "2"});
  TcpClient client(address);
  // The client reads nothing until the worker cannot send all that it has read.
  int sent = 0;
  const bool blocked = WaitUntil(kTimeout, [&] {
    REQUIRE(client.SendAll(piece));
    sent += static_cast<int>(piece.size());
    REQUIRE(WaitUntil(kTimeout, [&] { return Queued(client, SIOCOUTQ) == 0; }));
    return !WaitUntil(milliseconds(200), [&] { return Queued(client, SIOCINQ) == sent; });
  });
  REQUIRE(blocked);
  MESSAGE(fmt::format("{} bytes sent, {} of them with the worker", sent, sent - Queued(client, SIOCINQ)));
  CHECK(daemon.Reload());
  CHECK(daemon.AwaitWorkers(2));
  const auto all = static_cast<std::size_t>(sent);
  const bool complete = client.ReadExactly(all) == std::string(all, 'x');  // too long to print
  CHECK(complete);
}

}  // namespace preforkd::testing
