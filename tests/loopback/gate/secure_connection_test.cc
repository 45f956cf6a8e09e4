// Connection and LiveConnection over TLS: sessions notice nothing of it, wherever the connection goes.
#include <doctest/doctest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <stdexcept>

#include "tests/loopback/gate/handshake_bed.h"
#include "tests/loopback/gate/session_bed.h"
#include "worker/services/echo.h"

namespace preforkd::testing {
namespace {

using tls::testing::Pick;
using tls::testing::Random;

// A session of a few lines.
class ScriptService final : public Service {
 public:
  using Script = std::function<void(Connection&, Interest)>;
  explicit ScriptService(Script script) : script_(std::move(script)) {}
  std::unique_ptr<Session> Open(Connection& connection, Luggage) override {
    return std::make_unique<ScriptSession>(connection, script_);
  }

 private:
  class ScriptSession final : public Session {
   public:
    ScriptSession(Connection& connection, Script& script) : connection_(connection), script_(script) {}
    void OnReady(Interest ready) override { script_(connection_, ready); }
    void OnTimeout() override {}
    void OnRetire() override {}
    [[nodiscard]] const char* TravelRefusal() const override { return nullptr; }

   private:
    Connection& connection_;
    Script& script_;
  };

  Script script_;
};

std::unique_ptr<Service> MakeEcho(WorkerEnv& env) {
  const ServiceType type = EchoServiceType();
  ServiceConfig config;
  config.settings = Settings(type.settings);
  return std::move(type.factory(config, env)).Value();
}

// A session behind its handshake, and its client, at the two ends of a socket.
struct Beginning {
  Parcel parcel;
  std::unique_ptr<SocketClient> client;
};
Beginning Begin(const ClientOptions& options = {}, MakeClient make = MakeOpensslClient,
                UniqueFd (*connect)(Parcel&) = ConnectUnix) {
  static const GateSettings settings = MakeSettings();
  Shaken shaken = ShakeHands(settings, options, make);
  Beginning beginning;
  UniqueFd fd = connect(beginning.parcel);
  beginning.parcel.tls = TlsStage::kEstablished;
  beginning.parcel.tls_state = EncodeTls(shaken.session);
  beginning.client = std::make_unique<SocketClient>(std::move(fd), std::move(shaken.client));
  beginning.client->Pump();
  return beginning;
}

}  // namespace

TEST_CASE("an echo session over TLS: every line once, in order, with journeys in between") {
  Random random(61);
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      INFO(std::string(library.name), " ", version);
      SessionBed bed;
      const std::unique_ptr<Service> echo = MakeEcho(bed.Env());
      ClientOptions options;
      options.lowest = options.highest = version;
      auto [parcel, client] = Begin(options, library.make);
      bed.Take(*echo, std::move(parcel));
      std::string said;
      std::string heard;
      std::size_t journeys = 0;
      for (int line = 0; line < 200; ++line) {
        const std::string text = std::to_string(line) + std::string(Pick(random, 300), '.') + "\n";
        said += text;
        client->Tls().Write(text);
        if (version == 13 && line % 50 == 20) client->Tls().UpdateKeys(true);
        client->Pump();
        if (Pick(random, 2) == 0) bed.Turn();
        if (Pick(random, 3) == 0) {
          bed.SendAway();
          if (bed.Journeys() > 0) {
            SessionBed::Journey journey = bed.LastJourney();
            CHECK(journey.parcel.tls == TlsStage::kEstablished);
            bed.Take(*echo, std::move(journey.parcel), std::move(journey.luggage));
            ++journeys;
          }
        }
        client->Pump();
        heard += client->Tls().Read();
      }
      REQUIRE(bed.Until([&] {
        client->Pump();
        heard += client->Tls().Read();
        return heard.size() >= said.size();
      }));
      CHECK((heard == said));
      CHECK(journeys > 20);
      // close_notify of the client is the end of what the service reads.
      client->Tls().Close();
      client->Pump();
      REQUIRE(bed.Until([&] { return bed.Live() == 0; }));
      client->Pump();
      CHECK(client->Tls().Read().empty());
      CHECK(client->Tls().SawClose());
    }
  }
}

TEST_CASE("a large text both ways through full sockets, with journeys whenever that is possible") {
  SessionBed bed;
  const std::unique_ptr<Service> echo = MakeEcho(bed.Env());
  auto [parcel, client] = Begin();
  bed.Take(*echo, std::move(parcel));
  Random random(62);
  std::string said(2'000'000, '\0');
  for (char& byte : said) byte = static_cast<char>(random());
  client->Tls().Write(said);
  std::string heard;
  REQUIRE(bed.Until([&] {
    client->Pump();
    heard += client->Tls().Read();
    bed.SendAway();
    if (bed.Journeys() > 0) {
      SessionBed::Journey journey = bed.LastJourney();
      bed.Take(*echo, std::move(journey.parcel), std::move(journey.luggage));
    }
    return heard.size() >= said.size();
  }));
  CHECK((heard == said));
}

TEST_CASE("a session that reads three bytes at a time gets all, though the socket has nothing more") {
  SessionBed bed;
  std::string got;
  int reads = 0;
  ScriptService service([&](Connection& connection, Interest ready) {
    CHECK(ready == Interest::kRead);
    std::array<char, 3> buffer{};
    const IoResult result = connection.Receive(buffer);
    if (result.Done()) got.append(buffer.data(), result.size);
    ++reads;
    connection.Await(Interest::kRead);
  });
  auto [parcel, client] = Begin();
  bed.Take(service, std::move(parcel));
  client->Tls().Write("ten bytes.");
  client->Pump();
  REQUIRE(bed.Until([&] { return got.size() == 10; }));
  CHECK(got == "ten bytes.");
  bed.Turn();
  const int before = reads;
  bed.Turn();
  CHECK(reads == before);
}

TEST_CASE("a wish to read is forgotten when the session waits for something else") {
  SessionBed bed;
  int reads = 0;
  ScriptService service([&](Connection& connection, Interest ready) {
    if (!Has(ready, Interest::kRead)) return;
    ++reads;
    std::array<char, 1> buffer{};
    (void)connection.Receive(buffer);
    connection.Await(Interest::kRead);
    if (reads == 2) connection.Await(Interest::kNone);
  });
  auto [parcel, client] = Begin();
  bed.Take(service, std::move(parcel));
  client->Tls().Write("ten bytes.");
  client->Pump();
  bed.Turn();
  CHECK(reads == 2);
  CHECK(bed.Last().Client().HasInput());
}

TEST_CASE("a wake and input that is left are two calls") {
  SessionBed bed;
  std::vector<Interest> calls;
  ScriptService service([&](Connection& connection, Interest ready) {
    calls.push_back(ready);
    std::array<char, 9> buffer{};
    if (Has(ready, Interest::kRead)) (void)connection.Receive(buffer);
    connection.Await(Interest::kRead);
    if (calls.size() == 2) connection.WakeSoon();
  });
  auto [parcel, client] = Begin();
  bed.Take(service, std::move(parcel));
  client->Tls().Write("ten bytes.");
  client->Pump();
  bed.Turn();
  REQUIRE(calls.size() >= 4);
  CHECK(calls[2] == Interest::kNone);
  CHECK(calls[3] == Interest::kRead);
}

TEST_CASE("an exception of the session ends it without close_notify: what it said may be cut off") {
  SessionBed bed;
  ScriptService service([&](Connection& connection, Interest) {
    std::array<char, 9> buffer{};
    if (connection.Receive(buffer).Done()) throw std::runtime_error("told to");
    connection.Await(Interest::kRead);
  });
  auto [parcel, client] = Begin();
  bed.Take(service, std::move(parcel));
  client->Tls().Write("x");
  client->Pump();
  REQUIRE(bed.Until([&] { return bed.Live() == 0; }));
  CHECK(bed.Loss() == LossReason::kException);
  REQUIRE(bed.Until([&] { return !client->Pump(); }));
  CHECK_FALSE(client->Tls().SawClose());
}

TEST_CASE("the last answer, close_notify and the end of the connection share a segment") {
  SessionBed bed;
  ScriptService service([&](Connection& connection, Interest) {
    std::array<char, 9> buffer{};
    if (!connection.Receive(buffer).Done()) return connection.Await(Interest::kRead);
    CHECK(connection.Send("the answer", /*more_follows=*/true).Done());
    connection.Close();
  });
  auto [parcel, client] = Begin({}, MakeOpensslClient, ConnectTcp);
  bed.Take(service, std::move(parcel));
  client->Tls().Write("x");
  client->Pump();
  REQUIRE(bed.Until([&] { return bed.Live() == 0 && !client->Pump(); }));
  CHECK(client->Tls().Read() == "the answer");
  CHECK(client->Tls().SawClose());
  tcp_info info{};
  socklen_t size = sizeof(info);
  REQUIRE(::getsockopt(client->Fd(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  // That of the connection's beginning, at most one that acknowledges the request, and this one.
  CHECK(info.tcpi_segs_in <= 3);
}

TEST_CASE("a half-close and a close say close_notify, once") {
  SessionBed bed;
  ScriptService service([&](Connection& connection, Interest) {
    std::array<char, 9> buffer{};
    const IoResult result = connection.Receive(buffer);
    if (result.kind == IoResult::Kind::kEnd) return connection.Close();
    if (result.Done()) {
      CHECK(connection.Send("bye").Done());
      connection.HalfClose();
      CHECK(connection.Send("x").errnum == EPIPE);
    }
    connection.Await(Interest::kRead);
  });
  auto [parcel, client] = Begin();
  bed.Take(service, std::move(parcel));
  client->Tls().Write("x");
  client->Pump();
  REQUIRE(bed.Until([&] { return !client->Pump(); }));
  CHECK(client->Tls().Read() == "bye");
  CHECK(client->Tls().SawClose());
  CHECK(bed.Live() == 1);
  client->Close();
  REQUIRE(bed.Until([&] { return bed.Live() == 0; }));
}

TEST_CASE("records that nobody waits for are sent by the watch, and a client that left ends that") {
  SessionBed bed;
  ScriptService service([&](Connection& connection, Interest) {
    // More than the socket takes; then it waits for nothing.
    if (!connection.Closing()) (void)connection.Send(std::string(60'000, 'x'));
    connection.Await(Interest::kNone);
  });
  auto [parcel, client] = Begin();
  const int small = 4096;
  REQUIRE(::setsockopt(parcel.fd.Get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
  bed.Take(service, std::move(parcel));
  std::string heard;
  REQUIRE(bed.Until([&] {
    client->Pump();
    heard += client->Tls().Read();
    return heard.size() == 60'000;
  }));
  auto [other, gone] = Begin();
  REQUIRE(::setsockopt(other.fd.Get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
  bed.Take(service, std::move(other));
  gone->Close();
  bed.Turn();
  bed.Turn();
  CHECK(bed.Last().Client().HasInput() == false);
  // The loop rests: a timer is the next event, not the socket.
  int turns = 0;
  Timer later(bed.Env().loop, EventLoop::kPriorityControl, [&turns] { turns = -1'000'000; });
  later.SetAfter(std::chrono::milliseconds(30));
  while (turns >= 0) {
    REQUIRE(bed.Env().loop.RunOnce().Ok());
    ++turns;
  }
  CHECK(turns < -1'000'000 + 20);
}

}  // namespace preforkd::testing
