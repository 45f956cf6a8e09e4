// Clients that send or read as slowly as they can, or send what is refused: honest clients are served all the
// time.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_client.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ConfigText Config(const ConfigSettings& service = {}) {
  return ConfigText()
      .Workers(2)
      .Set("dispatch.max_connections", 50)
      .Listen("s")
      .Listen("s", "127.0.0.2:0", {{"proxy_protocol", true}})
      .Service("s", "body", service);
}

constexpr const char* kHonest =
    "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";

// How long a request takes on a connection of its own; kClientTimeout without a right answer.
Duration AskOnce(const std::string& address) {
  const Time start = Now();
  TcpClient client(address);
  const bool right =
      client.SendAll(kHonest) && client.ReadToEnd().value_or("").ends_with("\r\n\r\n5 bytes\n");
  return right ? Duration(Now() - start) : kClientTimeout;
}

// What a slow client does at the beginning, and then every 300 ms.
struct Slowness {
  const char* name;
  std::string first;
  std::function<void(TcpClient&)> then;
  std::size_t listener = 0;  // 1: the one behind a proxy
};

void SendByte(TcpClient& client) { (void)client.SendAll("x"); }  // false: it has been closed, as it should
void ReadByte(TcpClient& client) {
  char byte = 0;
  (void)::recv(client.Fd(), &byte, 1, MSG_DONTWAIT);
}

class Times {
 public:
  void Add(Duration time) {
    ascending_.insert(std::upper_bound(ascending_.begin(), ascending_.end(), time), time);
  }
  [[nodiscard]] std::size_t Count() const { return ascending_.size(); }
  [[nodiscard]] Duration Quantile(double share) const {
    return ascending_.at(static_cast<std::size_t>(share * static_cast<double>(ascending_.size() - 1)));
  }
  [[nodiscard]] std::string Text() const {
    const auto ms = [&](double share) { return Seconds(Quantile(share)) * 1e3; };
    return fmt::format("p50 {:.1f} ms, p99 {:.1f} ms, longest {:.1f} ms", ms(0.5), ms(0.99), ms(1));
  }

 private:
  std::vector<Duration> ascending_;
};

// Of the honest clients of two servers, asked in turn: a busy machine slows both alike.
struct Comparison {
  Times among;  // of the one with slow clients
  Times alone;  // of the one without
};

// Honest clients ask again and again, 10 ms apart, while 150 other clients of `daemon` behave as `slowness`
// describes. Takes six seconds, or more on a machine that needs more for so many requests.
Comparison HonestAmong(const Slowness& slowness, const DaemonProcess& daemon, const DaemonProcess& without) {
  constexpr int kSlow = 150;
  constexpr std::size_t kQuestions = 300;
  std::vector<TcpClient> slow;
  for (int i = 0; i < kSlow; ++i) {
    slow.emplace_back(daemon.Address(slowness.listener));
    REQUIRE(slow.back().SendAll(slowness.first));
  }
  Comparison times;
  Time next_byte = Now();
  const Time start = Now();
  while (Now() - start < seconds(6) || (times.among.Count() < kQuestions && Now() - start < kTimeout)) {
    times.among.Add(AskOnce(daemon.Address()));
    times.alone.Add(AskOnce(without.Address()));
    if (Now() >= next_byte) {
      std::for_each(slow.begin(), slow.end(), slowness.then);
      next_byte = Now() + milliseconds(300);
    }
    (void)WaitUntil(milliseconds(10), [] { return false; });
  }
  return times;
}

const std::vector<Slowness>& Slownesses() {
  static const std::vector<Slowness> all = {
      {"bodies", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx", SendByte},
      {"chunks", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", SendByte},
      {"heads", "GET / HTTP/1.1\r\nHost: ", SendByte},
      {"heads behind a request", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: ", SendByte},
      {"a body that is refused", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n", SendByte},
      {"PROXY headers", "PROXY TCP4 ", SendByte, 1},
      {"readers", "GET /long HTTP/1.1\r\nHost: x\r\n\r\n", ReadByte},
  };
  return all;
}

}  // namespace

TEST_CASE("150 slow clients where 100 have room: an honest one is served at once, all the time") {
  for (const Slowness& slowness : Slownesses()) {
    CAPTURE(std::string(slowness.name));
    DaemonProcess without(kPreforkdWithFaults);
    DaemonProcess daemon(kPreforkdWithFaults);
    for (DaemonProcess* server : {&without, &daemon}) {
      server->WriteConfig(Config());
      server->Serve(2);
    }
    const Yardstick machine;
    const auto& [among, alone] = HonestAmong(slowness, daemon, without);
    MESSAGE(std::string(slowness.name), ": ", among.Count(), " honest requests, ", among.Text(),
            "; of the server without: ", alone.Text());
    CHECK(among.Count() >= 100);  // with fewer the quantiles mean nothing
    CHECK(among.Quantile(0.5) < milliseconds(10) + 2 * alone.Quantile(0.5));
    CHECK(among.Quantile(0.99) < milliseconds(50) + 2 * alone.Quantile(0.99));
    CHECK(among.Quantile(1) < machine.Allow(seconds(2)) + 2 * alone.Quantile(1));
    CHECK(static_cast<int>(daemon.CountEvents("conn_evicted role=worker")) <=
          2 * 8);  // two workers, at most one line a second
  }
}

TEST_CASE("without a crowd a slow body gets 408 at body_timeout") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config({{"body_timeout", "1s"}}));
  daemon.Serve(2);
  TcpClient slow(daemon.Address());
  const Time start = Now();
  REQUIRE(slow.SendAll("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"));
  Time next_byte = start;
  CHECK(WaitUntil(kTimeout, [&] {
    if (Now() >= next_byte) {
      SendByte(slow);
      next_byte = Now() + milliseconds(100);
    }
    char byte = 0;
    return ::recv(slow.Fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
  }));
  CHECK(slow.ReadUntil("\r\n").value_or("") == "HTTP/1.1 408 Request Timeout\r\n");
  CHECK(Now() - start > milliseconds(900));
  CHECK(Now() - start < seconds(5));
}

TEST_CASE("empty lines make an idle connection travel, and do not prolong keepalive_timeout") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config({{"keepalive_timeout", "2s"}}));
  daemon.Serve(2);
  HttpClient client(daemon.Address());
  const Time start = Now();
  REQUIRE(client.Get("/"));
  Time next_line = start;
  CHECK(WaitUntil(kTimeout, [&] {
    if (Now() >= next_line) {
      (void)client.Connection().SendAll("\r\n");  // false: closed
      next_line = Now() + milliseconds(700);
    }
    char byte = 0;
    return ::recv(client.Connection().Fd(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  }));
  CHECK(Now() - start > milliseconds(1900));
  CHECK(Now() - start < seconds(4));
}

TEST_CASE("a client that writes 20 MB before it reads gets the whole answer of the refusal") {
  const std::string chunk = "100000\r\n" + std::string(1 << 20, 'x') + "\r\n";
  std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunked += chunk;
  struct Row {
    const char* name;
    std::string bytes;
    const char* status;
  };
  const std::string body(20'000'000, 'x');
  const std::vector<Row> rows = {
      {"413", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n" + body, "413"},
      {"413 chunked", chunked + "0\r\n\r\n", "413"},
      {"400", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: nonsense\r\n\r\n" + body, "400"},
      {"431", "POST / HTTP/1.1\r\nHost: x\r\nX: " + body + "\r\n\r\n", "431"},
      {"501", "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n" + body, "501"},
  };
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    TcpClient client(daemon.Address());
    CHECK(client.SendAll(row.bytes));
    const std::string answer = client.ReadToEnd().value_or("a reset");
    CHECK(answer.starts_with(std::string("HTTP/1.1 ") + row.status + " "));
    const std::size_t head = answer.find("\r\n\r\n");
    REQUIRE(head != std::string::npos);
    CHECK(answer.find(fmt::format("Content-Length: {}\r\n", answer.size() - head - 4)) < head);
    client.Close();
    CHECK(AskOnce(daemon.Address()) < kClientTimeout);
  }
}

TEST_CASE("a stop does not wait for clients that go on sending what was refused") {
  DaemonProcess daemon(kPreforkdWithFaults);
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  std::vector<TcpClient> lingering;
  for (int i = 0; i < 10; ++i) {
    lingering.emplace_back(daemon.Address());
    REQUIRE(lingering.back().SendAll("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"));
    REQUIRE(lingering.back().ReadUntil("\r\n\r\n"));
  }
  const Time start = Now();
  daemon.Signal(SIGTERM);
  const std::string piece(10'000, 'x');
  CHECK(WaitUntil(kTimeout, [&] {
    for (TcpClient& client : lingering)
      (void)::send(client.Fd(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return daemon.Wait(milliseconds(1)).has_value();
  }));
  CHECK(Now() - start < seconds(10));
}

}  // namespace preforkd::testing
