// Handlers of a module that block: whose requests wait for them, and what happens to one that takes too long.
#include <doctest/doctest.h>
#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"
#include "tests/support/metrics_page.h"
#include "tests/support/yardstick.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// On an idle machine an answer takes 2 ms, or 4 ms if its request goes to another worker.
constexpr Duration kSoon = milliseconds(250);
constexpr const char* kWho = "GET /who HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::size_t kBig = 8'000'000;  // more than the sockets of both sides hold

// Connections stay in their worker while they are idle: the hard case.
ConfigText Config(const ConfigSettings& more = {}) {
  ConfigSettings settings = {{"path", RunfilePath("tests/module/blocker.so")}};
  settings.insert(settings.end(), more.begin(), more.end());
  return ConfigText().Workers(2).Set("parking.after", "0").Listen("m").Service("m", "module", settings);
}

// The process that answered; 0: no answer, or not a right one.
pid_t Who(std::optional<HttpResponse> response) {
  return response && response->status == 200 && response->body.ends_with(" done\n")
             ? std::stoi(response->body)
             : 0;
}

pid_t Ask(HttpClient& client) { return Who(client.Get("/who")); }

// Blocks a thread. Returns once that has begun, with the process that it is in; 0: it has not.
pid_t Block(HttpClient& client, int ms) {
  if (!client.Ask(fmt::format("/hold?ms={}", ms))) return 0;
  const auto head = client.Connection().ReadUntil("\r\n\r\n");
  if (!head || !head->starts_with("HTTP/1.1 200 ")) return 0;
  (void)client.Connection().ReadUntil("\r\n");  // the size of the chunk
  const auto begun = client.Connection().ReadUntil(" begun\n\r\n");
  return begun ? std::stoi(*begun) : 0;
}

// The rest of its answer.
bool IsReleased(HttpClient& client) {
  return client.Connection().ReadUntil("done\n\r\n0\r\n\r\n").has_value();
}

bool Waits(HttpClient& client) {
  pollfd one{client.Connection().Fd(), POLLIN, 0};
  return ::poll(&one, 1, 0) == 0;
}

// Kept connections, by the worker that has each.
class Kept {
 public:
  // At least `count` in each of the two workers, of the service behind `listener`.
  Kept(const DaemonProcess& daemon, int count, std::size_t listener = 0) {
    constexpr std::size_t kMost = 500;
    std::map<pid_t, int> in;
    while (in.size() < 2 ||
           std::any_of(in.begin(), in.end(), [&](auto& one) { return one.second < count; })) {
      clients_.emplace_back(daemon.Address(listener));
      at_.push_back(Ask(clients_.back()));
      ++in[at_.back()];
      REQUIRE(at_.back() != 0);
      REQUIRE(in.size() <= 2);
      REQUIRE(clients_.size() < kMost);
    }
  }

  // The clients of the worker that has the first one.
  [[nodiscard]] std::vector<HttpClient*> Beside() { return With(true); }
  [[nodiscard]] std::vector<HttpClient*> Elsewhere() { return With(false); }
  [[nodiscard]] std::vector<HttpClient>& All() { return clients_; }
  [[nodiscard]] pid_t First() const { return at_.front(); }

 private:
  std::vector<HttpClient*> With(bool same) {
    std::vector<HttpClient*> some;
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if ((at_[i] == at_.front()) == same) some.push_back(&clients_[i]);
    }
    return some;
  }

  std::vector<HttpClient> clients_;
  std::vector<pid_t> at_;
};

// Requests beside one that blocks the only thread of worker `busy`.
class Beside {
 public:
  Beside(const Yardstick& machine, pid_t busy, HttpClient& blocked)
      : machine_(machine), busy_(busy), blocked_(blocked) {}

  // The rest of a request was sent at `since`; so many answers must come soon, and from another worker.
  void Expect(HttpClient& client, Time since, int answers = 1) {
    for (int i = 0; i < answers; ++i) {
      const pid_t who = Who(client.ReadResponse());
      const Duration took = Now() - since;
      CHECK(who != 0);
      CHECK(took < machine_.Allow(kSoon));
      if (!Waits(blocked_)) continue;
      CHECK(who != busy_);
      ++beside_;
    }
  }
  // Answers that came while the thread was blocked.
  [[nodiscard]] int Count() const { return beside_; }

 private:
  const Yardstick& machine_;
  pid_t busy_;
  HttpClient& blocked_;
  int beside_ = 0;
};

void SendByteByByte(HttpClient& client, std::string_view text, const std::function<void()>& between) {
  for (const char byte : text) {
    between();
    REQUIRE(client.Connection().SendAll({&byte, 1}));
  }
}

// It has the beginning of an answer, and does not read it.
HttpClient SlowReader(const DaemonProcess& daemon) {
  HttpClient client(daemon.Address());
  REQUIRE(client.Ask(fmt::format("/big?bytes={}", kBig)));
  REQUIRE(WaitUntil(kTimeout, [&] { return !Waits(client); }));
  return client;
}

void ExpectBig(HttpClient& client) {
  const auto response = client.ReadResponse();
  REQUIRE(response);
  CHECK(response->body.size() == kBig + std::string("done\n").size());
}

}  // namespace

TEST_CASE("no request waits behind a busy worker while another one is free: kept, pipelined, slow clients") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  const Yardstick machine;
  Kept kept(daemon, 8);
  std::vector<HttpClient> readers;
  for (int i = 0; i < 4; ++i) readers.push_back(SlowReader(daemon));  // hold no thread, on either worker
  const std::vector<HttpClient*> same = kept.Beside();
  HttpClient& blocked = *same.at(0);
  const pid_t busy = Block(blocked, 2000);
  REQUIRE(busy != 0);
  Beside beside(machine, busy, blocked);
  // Each on its connection, first those of the busy worker.
  for (std::size_t i = 1; i < same.size(); ++i) {
    const Time start = Now();
    REQUIRE(same[i]->Ask("/who"));
    beside.Expect(*same[i], start);
  }
  for (HttpClient* client : kept.Elsewhere()) {
    const Time start = Now();
    REQUIRE(client->Ask("/who"));
    beside.Expect(*client, start);
  }
  CHECK(beside.Count() > 5);
  CHECK(IsReleased(blocked));

  // All have moved: choose again. Now three requests at once, on all connections at the same time.
  Kept more(daemon, 8);
  const std::vector<HttpClient*> others = more.Beside();
  const pid_t busy_again = Block(*others[0], 2000);
  REQUIRE(busy_again != 0);
  Beside again(machine, busy_again, *others[0]);
  const Time start = Now();
  for (std::size_t i = 1; i < others.size(); ++i) {
    REQUIRE(others[i]->Connection().SendAll(std::string(kWho) + kWho + kWho));
  }
  for (std::size_t i = 1; i < others.size(); ++i) again.Expect(*others[i], start, 3);
  CHECK(again.Count() >= 15);
  CHECK(IsReleased(*others[0]));
  for (HttpClient& reader : readers) ExpectBig(reader);
}

TEST_CASE("two services share the threads of a worker: no request of one waits behind one of the other") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config()
                         .Listen("n", "127.0.0.2:0")
                         .Service("n", "module", {{"path", RunfilePath("tests/module/blocker.so")}}));
  daemon.Serve(2);
  const Yardstick machine;
  Kept kept(daemon, 5);
  Kept others(daemon, 5, 1);
  HttpClient& blocked = *kept.Beside()[0];
  const pid_t busy = Block(blocked, 2000);
  REQUIRE(busy != 0);
  Beside beside(machine, busy, blocked);
  for (HttpClient& client : others.All()) {
    const Time asked = Now();
    REQUIRE(client.Ask("/who"));
    beside.Expect(client, asked);
  }
  CHECK(beside.Count() > 5);
  CHECK(IsReleased(blocked));
}

TEST_CASE("the status page answers while all threads are stuck, and tells why connections have moved") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Listen("status", "127.0.0.2:0").Service("status", "status"));
  daemon.Serve(2);
  Kept kept(daemon, 8);
  const std::vector<HttpClient*> same = kept.Beside();
  const std::vector<HttpClient*> other = kept.Elsewhere();
  REQUIRE(same[0]->Ask("/sleep?ms=3000"));
  for (std::size_t i = 1; i < same.size(); ++i) CHECK(Ask(*same[i]) != 0);
  const std::optional<MetricsPage> page = MetricsPage::Read(daemon.Address(1));
  REQUIRE(page);
  CHECK(page->Value("preforkd_handovers_total{direction=\"to_master\",reason=\"busy\"}") >= 1);
  REQUIRE(other[0]->Ask("/sleep?ms=3000"));
  const Time start = Now();
  for (int i = 0; i < 8; ++i) {
    HttpClient client(daemon.Address(1));
    CHECK(client.Get("/healthz").value_or(HttpResponse{}).body == "ok\n");
    CHECK(client.Get("/readyz").value_or(HttpResponse{}).body == "ready\n");
  }
  const bool both = Waits(*same[0]) && Waits(*other[0]);
  if (both) CHECK(Now() - start < seconds(3));
  CHECK(same[0]->ReadResponse().value_or(HttpResponse{}).status == 200);
  CHECK(other[0]->ReadResponse().value_or(HttpResponse{}).status == 200);
}

TEST_CASE("a client that sends byte by byte to a worker that becomes busy meanwhile is answered by another") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config());
  daemon.Serve(2);
  const Yardstick machine;
  Kept kept(daemon, 5);
  const std::vector<HttpClient*> same = kept.Beside();
  const std::string_view text = kWho;
  SendByteByByte(*same[1], text.substr(0, 20), [] {});
  const pid_t busy = Block(*same[0], 2000);
  REQUIRE(busy != 0);
  Beside beside(machine, busy, *same[0]);
  SendByteByByte(*same[1], text.substr(20), [&] {
    const Time asked = Now();
    REQUIRE(same[2]->Ask("/who"));
    beside.Expect(*same[2], asked);
  });
  beside.Expect(*same[1], Now());
  CHECK(beside.Count() > 1);
  CHECK(IsReleased(*same[0]));
}

TEST_CASE("all threads block: an extra worker starts and answers kept connections") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config().Set("workers_max", 3));
  daemon.Serve(2);
  const Yardstick machine;
  Kept kept(daemon, 5);
  const std::vector<HttpClient*> one = kept.Beside();
  const std::vector<HttpClient*> other = kept.Elsewhere();
  REQUIRE(one[0]->Ask("/sleep?ms=3000"));
  REQUIRE(other[0]->Ask("/sleep?ms=3000"));
  const Time start = Now();
  for (const auto& clients : {one, other}) {
    for (std::size_t i = 1; i < clients.size(); ++i) REQUIRE(clients[i]->Ask("/who"));
  }
  std::map<pid_t, int> answered;
  for (const auto& clients : {one, other}) {
    for (std::size_t i = 1; i < clients.size(); ++i) ++answered[Who(clients[i]->ReadResponse())];
  }
  CHECK(Now() - start < machine.Allow(milliseconds(1000)));
  CHECK(daemon.CountEvents("extra_started pool=main") == 1);
  CHECK(answered.count(0) == 0);
  if (Waits(*one[0]) && Waits(*other[0])) CHECK(answered.size() == 1);
  CHECK(one[0]->ReadResponse().value_or(HttpResponse{}).status == 200);
  CHECK(other[0]->ReadResponse().value_or(HttpResponse{}).status == 200);
  daemon.IgnoreDescriptors();  // the extra stays for half a minute
}

TEST_CASE(
    "a handler that blocks for too long: 504, its backtrace, another worker; the other clients notice "
    "nothing") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config({{"request_timeout", "500ms"}}).Set("supervision.drain_timeout", "20s"));
  daemon.Serve(2);
  const Yardstick machine;
  std::vector<HttpClient> readers;
  for (int i = 0; i < 4; ++i) readers.push_back(SlowReader(daemon));  // in the middle of their answers
  Kept kept(daemon, 5);
  const std::vector<HttpClient*> same = kept.Beside();
  REQUIRE(same[1]->Connection().SendAll("GET /who HTTP/1.1\r\n"));  // half a request
  const Time start = Now();
  REQUIRE(same[0]->Ask("/sleep?ms=10000"));
  const auto late = same[0]->ReadResponse();
  const Duration took = Now() - start;
  REQUIRE(late);
  CHECK(late->status == 504);
  CHECK(took >= milliseconds(450));
  CHECK(took < machine.Allow(milliseconds(1000)));
  CHECK(daemon.WaitForEvent("request_failed service=m"));
  CHECK(daemon.WaitForEvent("thread_trace at~blocker_sleeps+0x at~(blocker.so+0x"));
  REQUIRE(daemon.WaitForEvent("worker_asks_replacement role=master"));
  const LogEntry asks = daemon.Events("worker_asks_replacement role=master").at(0);
  REQUIRE(daemon.WaitForEvent("worker_retiring slot=" + asks.Field("slot") + " inc=" + asks.Field("inc")));
  REQUIRE(same[1]->Connection().SendAll("Host: x\r\n\r\n"));
  const auto half = same[1]->ReadResponse();
  REQUIRE(half);
  CAPTURE(half->status);
  CHECK(Who(half) != 0);
  for (std::size_t i = 2; i < same.size(); ++i) {
    const pid_t who = Ask(*same[i]);
    CHECK(who != 0);
    CHECK(who != kept.First());
  }
  for (HttpClient* client : kept.Elsewhere()) CHECK(Ask(*client) != 0);
  for (HttpClient& reader : readers) ExpectBig(reader);
  // It does not wait for its thread.
  CHECK(daemon.WaitForEvent("worker_retired slot=" + asks.Field("slot") + " inc=" + asks.Field("inc")));
  CHECK(daemon.CountEvents("worker_asks_replacement role=master") == 1);
  CHECK(daemon.AwaitWorkers(2));
}

TEST_CASE("a request that waits for a thread for too long: 504, and its worker stays") {
  DaemonProcess daemon;
  daemon.WriteConfig(Config({{"request_timeout", "2s"}})
                         .Workers(1)
                         .Listen("status", "127.0.0.2:0")
                         .Service("status", "status"));
  daemon.Serve(1);
  HttpClient first(daemon.Address());
  HttpClient second(daemon.Address());
  HttpClient third(daemon.Address());
  const pid_t worker = Ask(first);
  CHECK(Ask(second) == worker);
  REQUIRE(first.Ask("/sleep?ms=1300"));
  REQUIRE(daemon.AwaitWorkers(1));
  REQUIRE(second.Ask("/sleep?ms=1300"));
  // The second one waits in the master before the third one is read: the order is exact only then.
  REQUIRE(WaitUntil(kTimeout, [&] {
    const std::optional<MetricsPage> page = MetricsPage::Read(daemon.Address(1));
    return page && page->Value("preforkd_handovers_total{direction=\"to_master\",reason=\"busy\"}") >= 1;
  }));
  CHECK(Ask(third) == 0);  // after both of them
  CHECK(first.ReadResponse().value_or(HttpResponse{}).status == 200);
  // It has waited, but its handler was quick enough.
  CHECK(second.ReadResponse().value_or(HttpResponse{}).status == 200);
  CHECK(daemon.AwaitEvents("request_failed service=m", 1) == 1);
  CHECK(daemon.CountEvents("thread_trace") == 0);
  CHECK(daemon.CountEvents("worker_asks_replacement role=master") == 0);
  CHECK(Ask(third) == worker);
}

}  // namespace preforkd::testing
