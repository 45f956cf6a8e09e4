// Large requests of a module whose handler blocks: none waits behind a busy worker while another one is free,
// whether the handler gets its body whole or in pieces.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/config_text.h"
#include "tests/support/daemon_process.h"
#include "tests/support/http_client.h"

namespace preforkd::testing {
namespace {

// More than the sockets of both sides hold: its thread is busy until the test reads the answer.
constexpr const char* kStream = "/stream?bytes=20000000";
constexpr std::array kModules = {"blocker", "blocker_pieces"};
constexpr const char* kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// A body that shows a byte that is missing, surplus or in a wrong place.
std::string Body(std::size_t size) {
  std::string body;
  while (body.size() < size) body += std::to_string(body.size()) + ",";
  body.resize(size);
  return body;
}

std::string HeadOf(const std::string& body, const std::string& fields = {}) {
  return fmt::format("POST /upload HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n", fields, body.size());
}

// Two workers with one thread each, whose connections stay where they are while they are idle.
class Pair {
 public:
  explicit Pair(const std::string& module) {
    daemon_.WriteConfig(
        ConfigText()
            .Workers(2)
            .Set("parking.after", "0")
            .Listen("m")
            .Service("m", "module", {{"path", RunfilePath("tests/module/" + module + ".so")}}));
    daemon_.Serve(2);
    // On a busy machine, several connections may go to one worker before the other one gets any.
    constexpr int kMost = 100;
    std::map<pid_t, std::vector<HttpClient>> in;
    for (int i = 0; i < kMost && (in.size() < 2 || i < 3); ++i) {
      HttpClient client(daemon_.Address());
      const pid_t at = Who(client.Get("/who"));
      REQUIRE(at != 0);
      in[at].push_back(std::move(client));
    }
    REQUIRE(in.size() == 2);
    auto& [first, clients] = *in.begin();
    auto& [last, others] = *in.rbegin();
    busy_ = clients.size() > 1 ? first : last;
    sender_.emplace(std::move((clients.size() > 1 ? clients : others).back()));
    other_.emplace(std::move((clients.size() > 1 ? others : clients).front()));
  }

  // The process that answered, at the beginning of each answer; 0: no answer, or not a right one.
  static pid_t Who(const std::optional<HttpResponse>& response) {
    return response && response->status == 200 && response->body.ends_with(" done\n")
               ? std::stoi(response->body)
               : 0;
  }

  // The only thread of the sender's worker is busy from now on.
  void Block() {
    blocked_.emplace(Streaming([this](pid_t who) { return who == busy_; }));
  }
  // That of the other one, too.
  void BlockOther() {
    also_blocked_.emplace(Streaming([this](pid_t who) { return who != busy_; }));
  }
  void Send(std::string_view bytes) { REQUIRE(sender_->Connection().SendAll(bytes)); }
  // The answer comes while the thread is busy, from another worker, and has the whole body.
  void ExpectAnswer(const std::string& body = {}) {
    const auto response = sender_->ReadResponse();
    const pid_t who = Who(response);
    REQUIRE(who != 0);
    CHECK(who != busy_);
    const std::string rest = body.empty() ? "" : body + " ";
    CHECK((response->body == fmt::format("{} {}done\n", who, rest)));
  }
  // The threads go on, and nobody was lost.
  void End() {
    CHECK(blocked_->Connection().ReadUntil("done\n"));
    if (also_blocked_) CHECK(also_blocked_->Connection().ReadUntil("done\n"));
    CHECK(daemon_.CountEvents("conn_failed") == 0);
    CHECK(daemon_.CountEvents("conn_stays") == 0);
  }

  [[nodiscard]] DaemonProcess& Daemon() { return daemon_; }
  [[nodiscard]] HttpClient& Sender() { return *sender_; }
  [[nodiscard]] HttpClient& Other() { return *other_; }

 private:
  // A client whose answer is streamed by such a worker. On a busy machine a request may go to the other one.
  HttpClient Streaming(const std::function<bool(pid_t)>& by) {
    for (int i = 0; i < 100; ++i) {
      HttpClient client(daemon_.Address());
      REQUIRE(client.Ask(kStream));
      TcpClient& connection = client.Connection();
      REQUIRE(connection.ReadUntil("\r\n\r\n"));
      REQUIRE(connection.ReadUntil("\r\n"));  // the size of the chunk
      if (by(std::stoi(connection.ReadUntil("\n").value_or("0")))) return client;
      REQUIRE(connection.ReadUntil("done\n"));
    }
    FAIL("no such worker has answered");
    return HttpClient(daemon_.Address());
  }

  DaemonProcess daemon_;
  pid_t busy_ = 0;
  std::optional<HttpClient> blocked_;
  std::optional<HttpClient> also_blocked_;
  std::optional<HttpClient> sender_;
  std::optional<HttpClient> other_;
};

}  // namespace

TEST_CASE("an upload of 1 MB, whole, comes slowly: its worker becomes busy meanwhile, another answers it") {
  Pair pair("blocker");
  const std::string body = Body(1'000'000);
  pair.Send(HeadOf(body) + body.substr(0, 300'000));
  pair.Block();
  // The sender holds no thread of the other worker meanwhile.
  for (std::size_t at = 300'000; at < body.size(); at += 50'000) {
    pair.Send(std::string_view(body).substr(at, 50'000));
    CHECK(Pair::Who(pair.Other().Get("/who")) != 0);
  }
  pair.ExpectAnswer(body);
  pair.End();
}

TEST_CASE("an upload of 1 MB in pieces to a busy worker goes to another one, and comes slowly there") {
  Pair pair("blocker_pieces");
  const std::string body = Body(1'000'000);
  pair.Block();
  pair.Send(HeadOf(body));
  for (std::size_t at = 0; at < body.size(); at += 50'000)
    pair.Send(std::string_view(body).substr(at, 50'000));
  pair.ExpectAnswer(body);
  pair.End();
}

TEST_CASE("an upload of 1 MB is pipelined behind a small request") {
  for (const std::string module : kModules) {
    CAPTURE(module);
    Pair pair(module);
    const std::string body = Body(1'000'000);
    pair.Block();
    pair.Send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n" + HeadOf(body) + body + HeadOf(body) + body);
    pair.ExpectAnswer();
    pair.ExpectAnswer(body);
    pair.ExpectAnswer(body);
    pair.End();
  }
}

TEST_CASE("a client that waits for 100 Continue before it sends 1 MB to a busy worker") {
  for (const std::string module : kModules) {
    CAPTURE(module);
    Pair pair(module);
    const std::string body = Body(1'000'000);
    pair.Block();
    pair.Send(HeadOf(body, "Expect: 100-continue\r\n"));
    CHECK(pair.Sender().Connection().ReadUntil("\r\n\r\n").value_or("") == kContinue);
    pair.Send(body);
    pair.ExpectAnswer(body);
    pair.End();
  }
}

TEST_CASE("a reload in the middle of an upload, all workers busy: the new generation answers it") {
  for (const std::string module : kModules) {
    CAPTURE(module);
    Pair pair(module);
    const std::string body = Body(1'000'000);
    pair.Block();
    pair.BlockOther();
    pair.Send(HeadOf(body) + body.substr(0, 500'000));
    REQUIRE(pair.Daemon().Reload());
    pair.Send(std::string_view(body).substr(500'000));
    pair.ExpectAnswer(body);
    pair.End();
  }
}

TEST_CASE("a thread that streams to a slow reader is busy: requests of its worker go to another one") {
  Pair pair("blocker");
  pair.Block();
  for (int i = 0; i < 3; ++i) {
    pair.Send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n");
    pair.ExpectAnswer();
  }
  pair.End();
}

}  // namespace preforkd::testing
