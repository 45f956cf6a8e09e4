// Connection: what a session may call, from where, and how both end. With sessions of a few lines.
#include "worker/connection/connection.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "tests/loopback/http/http_bed.h"
#include "tests/support/log_oracle.h"

namespace preforkd::testing {
namespace {

// The behaviour of one session, and whether it exists.
struct Script {
  std::function<void(Connection&)> on_ready = [](Connection& mine) { mine.Await(Interest::kRead); };
  std::function<void()> refusal = [] {};
  std::function<void()> pack = [] {};
  std::function<void()> lag = [] {};
  std::size_t packed_bytes = 0;
  std::size_t unread_bytes = 0;  // more of them, with work to do
  Connection* connection = nullptr;
  bool alive = false;
  int packs = 0;
};

class ScriptedSession final : public Session {
 public:
  ScriptedSession(Connection& connection, Script& script) : connection_(connection), script_(script) {
    script_.connection = &connection;
    script_.alive = true;
  }
  ~ScriptedSession() override { script_.alive = false; }
  void OnReady(Interest) override { script_.on_ready(connection_); }
  void OnTimeout() override {}
  void OnRetire() override {}
  [[nodiscard]] Duration Lag(Time) const override {
    script_.lag();
    return std::chrono::seconds(1);
  }
  [[nodiscard]] const char* TravelRefusal() const override {
    script_.refusal();
    return nullptr;
  }
  [[nodiscard]] Luggage Pack() const override {
    ++script_.packs;
    script_.pack();
    return {.unread = "half" + std::string(script_.unread_bytes, 'x'),
            .context = std::string(script_.packed_bytes, 'x'),
            .wake = script_.unread_bytes > 0};
  }

 private:
  Connection& connection_;
  Script& script_;
};

// Sessions take their scripts in order.
class ScriptedService final : public Service {
 public:
  explicit ScriptedService(std::vector<Script>& scripts) : scripts_(scripts) {}
  std::unique_ptr<Session> Open(Connection& connection, Luggage) override {
    return std::make_unique<ScriptedSession>(connection, scripts_.at(opened_++));
  }

 private:
  std::vector<Script>& scripts_;
  std::size_t opened_ = 0;
};

struct World {
  explicit World(std::size_t sessions = 1)
      : scripts(sessions),
        bed({},
            ServiceType{[this](const ServiceConfig&, WorkerEnv&) {
                          return Result<std::unique_ptr<Service>>(std::make_unique<ScriptedService>(scripts));
                        },
                        false}) {}

  void Connect(SocketKind kind = SocketKind::kUnix) {
    clients.push_back(bed.Connect(kind));
    live.push_back(&bed.Last());
    bed.Turn();
  }

  std::vector<Script> scripts;
  HttpBed bed;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<LiveConnection*> live;  // of Connect(), in order
};

// The log at level debug, in a pipe, for as long as this lives.
class LogCapture {
 public:
  LogCapture() {
    REQUIRE(::pipe2(pipe_.data(), O_NONBLOCK | O_CLOEXEC) == 0);
    log::SetOutput(pipe_[1]);
    log::SetLevel(log::Level::kDebug);
  }
  ~LogCapture() {
    log::SetOutput(STDERR_FILENO);
    log::SetLevel(log::Level::kInfo);
    for (const int fd : pipe_) ::close(fd);
  }
  // True if the log has a line that matches the query (tests/support/log_oracle.h).
  bool Has(std::string_view query) {
    std::array<char, 16 * 1024> buffer;
    for (ssize_t size = 0; (size = ::read(pipe_[0], buffer.data(), buffer.size())) > 0;) {
      text_.append(buffer.data(), static_cast<std::size_t>(size));
    }
    CAPTURE(text_);
    return !EntriesOf(text_, query).empty();
  }

 private:
  std::array<int, 2> pipe_{};
  std::string text_;
};

UniqueFd FileOf(std::size_t size) {
  std::string name =
      std::string(std::getenv("TEST_TMPDIR") != nullptr ? std::getenv("TEST_TMPDIR") : "/tmp") + "/XXXXXX";
  UniqueFd file(::mkstemp(name.data()));
  REQUIRE(file.Valid());
  REQUIRE(::unlink(name.c_str()) == 0);
  REQUIRE(::ftruncate(file.Get(), static_cast<off_t>(size)) == 0);
  return file;
}

}  // namespace

TEST_CASE("a session that closes from its own timer exists until the timer's callback has returned") {
  World world;
  world.Connect();
  bool alive_behind_close = false;
  Timer own(world.bed.Env().loop, EventLoop::kPriorityClient, [&] {
    world.scripts[0].connection->Close();
    alive_behind_close = world.scripts[0].alive;
  });
  own.SetAfter(Duration(0));
  CHECK(world.bed.Until([&] { return world.bed.Live() == 0; }));
  CHECK(alive_behind_close);
  CHECK_FALSE(world.scripts[0].alive);
}

TEST_CASE("the same inside Call, and waiting after Close() does not delay the end") {
  World world;
  world.Connect();
  bool alive_behind_close = false;
  world.scripts[0].connection->Call([&] {
    world.scripts[0].connection->Close();
    world.scripts[0].connection->SetTimeout(std::chrono::hours(1));
    world.scripts[0].connection->Await(Interest::kRead);
    alive_behind_close = world.scripts[0].alive;
  });
  CHECK(alive_behind_close);
  CHECK_FALSE(world.scripts[0].alive);
  CHECK(world.bed.Live() == 0);
}

TEST_CASE("two sessions may close each other, and themselves") {
  World world(2);
  world.Connect();
  world.Connect();
  bool both_alive = false;
  world.scripts[0].on_ready = [&](Connection& mine) {
    world.scripts[1].connection->Close();
    world.scripts[1].connection->Close();
    world.scripts[1].connection->Call([] {});
    both_alive = world.scripts[0].alive && world.scripts[1].alive;
    mine.Close();
  };
  world.clients[0]->Write("x");
  CHECK(world.bed.Until([&] { return world.bed.Live() == 0; }));
  CHECK(both_alive);
  CHECK_FALSE(world.scripts[0].alive);
  CHECK_FALSE(world.scripts[1].alive);
  CHECK(Get(world.bed.Env().row.finished) == 2);
}

TEST_CASE("Travel() from outside a callback takes effect in the same turn") {
  World world(2);
  world.Connect();
  world.Connect();
  world.scripts[0].connection->Travel();
  world.bed.Turn();
  CHECK(world.bed.Travelled() == 1);
  CHECK_FALSE(world.scripts[0].alive);
  world.scripts[1].connection->Travel();
  world.bed.Turn();
  CHECK(world.bed.Travelled() == 2);
}

TEST_CASE("another session takes over when that is requested outside a callback") {
  World world(2);
  ScriptedService next(world.scripts);
  world.Connect();
  Connection& connection = *world.scripts[0].connection;
  connection.SwitchService(next, {});  // opens the first script again: its service has not opened any
  bool opened_again = false;
  world.scripts[0].on_ready = [&](Connection& mine) {
    opened_again = true;
    mine.Await(Interest::kRead);
  };
  world.bed.Turn();
  CHECK(opened_again);
  CHECK(world.bed.Live() == 1);
}

TEST_CASE("a connection that ends before its turn is not handled again") {
  World world(2);
  world.Connect();
  world.Connect();
  world.scripts[0].connection->Close();
  world.live[0]->End(LossReason::kDrain);
  CHECK(world.bed.Live() == 1);
  world.bed.Turn();
  CHECK(world.bed.Live() == 1);
}

TEST_CASE("an exception from a session that is asked something ends it, a moment later, and is counted") {
  const auto fail = [] { throw std::runtime_error("told to"); };
  const auto fail_oddly = [] { throw 1; };  // NOLINT: services throw what they like
  for (const std::function<void()>& how : {std::function<void()>(fail), std::function<void()>(fail_oddly)}) {
    World world(4);
    world.scripts[0].refusal = how;
    world.scripts[1].pack = how;
    world.scripts[2].lag = how;
    for (int i = 0; i < 4; ++i) world.Connect();
    CHECK_FALSE(world.live[0]->Pack());
    CHECK_FALSE(world.live[1]->Pack());
    CHECK(world.live[2]->Lag(Now()) == Duration(0));
    world.scripts[3].connection->Call(how);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(world.scripts[i].alive);
      CHECK(world.live[i]->Loss() == LossReason::kException);
    }
    CHECK(Get(world.bed.Env().row.callback_since_ns) == 0);
    world.bed.Turn();
    CHECK(world.bed.Live() == 0);
  }
}

TEST_CASE(
    "luggage of the maximum size travels; larger luggage stays, and is packed again when bytes have moved") {
  World world;
  world.Connect();
  Script& script = world.scripts[0];
  script.on_ready = [](Connection& connection) {
    (void)connection.Receive(connection.Env().in);
    connection.Await(Interest::kRead);
  };
  script.packed_bytes = kMaxLuggageBytes - 4;
  const auto luggage = world.live[0]->Pack();
  REQUIRE(luggage);
  CHECK(luggage->unread == "half");
  LogCapture log;
  script.packed_bytes = kMaxLuggageBytes - 3;
  CHECK_FALSE(world.live[0]->Pack());
  CHECK(log.Has("conn_stays bytes=49153 max=49152"));
  CHECK_FALSE(world.live[0]->Pack());
  CHECK(script.packs == 2);
  script.packed_bytes = 0;
  world.clients[0]->Write("x");
  world.bed.Turn();
  CHECK(world.live[0]->Pack());
  CHECK(script.packs == 3);
}

TEST_CASE("luggage with work to do may have much more unread, but not more of its own") {
  World world;
  world.Connect();
  Script& script = world.scripts[0];
  LogCapture log;
  script.unread_bytes = kMaxHeavyBytes - 4;
  script.packed_bytes = kMaxLuggageBytes;
  CHECK(world.live[0]->Pack());
  SUBCASE("unread") { ++script.unread_bytes; }
  SUBCASE("its own") { ++script.packed_bytes; }
  CHECK_FALSE(world.live[0]->Pack());
  CHECK(log.Has("conn_stays max=67108864"));
}

TEST_CASE("a session that asks to travel is packed again although it was too large") {
  World world;
  world.Connect();
  world.scripts[0].packed_bytes = kMaxLuggageBytes;
  CHECK_FALSE(world.live[0]->Pack());
  world.scripts[0].packed_bytes = 0;
  world.scripts[0].connection->Travel();
  world.bed.Turn();
  CHECK(world.bed.Travelled() == 1);
}

TEST_CASE("the log says why a connection ended while a file was sent") {
  const UniqueFd file = FileOf(1 << 20);
  World world(2);
  LogCapture log;
  for (Script& script : world.scripts) {
    script.on_ready = [&](Connection& connection) {
      off_t offset = 0;
      for (;;) {
        const IoResult sent = connection.SendFile(file.Get(), offset, 1 << 20);
        if (sent.kind == IoResult::Kind::kAgain) return connection.Await(Interest::kWrite);
        if (!sent.Done()) break;
      }
      connection.Close();
    };
  }
  // The client has reset it before anything is sent.
  world.clients.push_back(world.bed.Connect(SocketKind::kTcp));
  world.clients[0]->Reset();
  CHECK(world.bed.Until([&] { return world.bed.Live() == 0; }));
  CHECK((log.Has("conn_closed why~ECONNRESET") || log.Has("conn_closed why~EPIPE")));
  // And the file is shorter than requested.
  REQUIRE(::ftruncate(file.Get(), 10) == 0);
  world.Connect(SocketKind::kTcp);
  CHECK(world.bed.Until([&] { return world.bed.Live() == 0; }));
  CHECK(log.Has("conn_closed why~truncated"));
}

}  // namespace preforkd::testing
