// The session of a gate on a socket: how a connection goes through it, and how it ends there.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include "tests/loopback/gate/handshake_bed.h"
#include "tests/loopback/gate/session_bed.h"
#include "worker/gate/gate_service.h"
#include "worker/proxy/proxy_preface.h"
#include "worker/services/echo.h"

namespace preforkd::testing {
namespace {

std::unique_ptr<Service> MakeGate(TlsConfig config = {}, const std::string& client_ca = {}) {
  config.certificates = {{"chain", "key", ""}};
  config.client_ca = "clients";
  GateInputs inputs;
  inputs.material.certificates.push_back({Secret(EcCertificate().pem), Secret(EcCertificate().key), {}});
  inputs.material.client_ca = Secret(client_ca);
  Result<std::unique_ptr<Service>> gate = GateService::Make(config, std::move(inputs));
  REQUIRE(gate.Ok());
  return std::move(gate).Value();
}

std::unique_ptr<Service> MakeEcho(WorkerEnv& env) {
  const ServiceType type = EchoServiceType();
  ServiceConfig config;
  config.settings = Settings(type.settings);
  return std::move(type.factory(config, env)).Value();
}

// A connection that the master has sent to the gate.
std::unique_ptr<SocketClient> Connect(SessionBed& bed, Service& gate, std::unique_ptr<TlsClient> tls,
                                      Duration age = Duration(0)) {
  Parcel parcel;
  parcel.id = ConnId{1};
  UniqueFd fd = ConnectTcp(parcel);
  parcel.accepted_at = Now() - age;
  parcel.tls = TlsStage::kHandshakeDue;
  bed.Take(gate, std::move(parcel));
  return std::make_unique<SocketClient>(std::move(fd), std::move(tls));
}

// The first record of a client.
std::string Hello(const ClientOptions& options = {}) {
  const auto client = MakeOpensslClient(options);
  (void)client->Handshake();
  return std::string(TextOf(client->TakeOut()));
}

// All that the server says until it closes.
std::string HearAll(SessionBed& bed, SocketClient& client) {
  std::string heard;
  CHECK(bed.Until([&] {
    heard += client.ReadRaw();
    return client.Ended();
  }));
  return heard;
}

// Makes the handshake and sends `request` with its end. What leaves the gate.
SessionBed::Journey AskAtOnce(SessionBed& bed, TlsClient& tls, SocketClient& client,
                              const std::string& request) {
  (void)tls.Handshake();
  client.SendRaw(TextOf(tls.TakeOut()));
  REQUIRE(bed.Until([&] {
    tls.Feed(BytesOf(client.ReadRaw()));
    return tls.Handshake();
  }));
  tls.Write(request);
  client.SendRaw(TextOf(tls.TakeOut()));
  REQUIRE(bed.Until([&] { return bed.Journeys() == 1; }));
  return bed.LastJourney();
}

// The next `size` bytes of text that arrive.
std::string Hear(SessionBed& bed, TlsClient& tls, SocketClient& client, std::size_t size) {
  std::string heard;
  REQUIRE(bed.Until([&] {
    tls.Feed(BytesOf(client.ReadRaw()));
    heard += tls.Read();
    return heard.size() == size;
  }));
  return heard;
}

}  // namespace

TEST_CASE("a handshake, and the connection leaves at once with its session, which a worker goes on with") {
  SessionBed bed;
  const auto gate = MakeGate();
  const auto echo = MakeEcho(bed.Env());
  for (const Library& library : kLibraries) {
    for (const int version : {12, 13}) {
      INFO(std::string(library.name), " ", version);
      ClientOptions options;
      options.lowest = options.highest = version;
      options.server_name = "a.test";
      const auto client = Connect(bed, *gate, library.make(options));
      REQUIRE(bed.Until([&] {
        client->Pump();
        return bed.Journeys() == 1;
      }));
      SessionBed::Journey journey = bed.LastJourney();
      CHECK(journey.parcel.tls == TlsStage::kEstablished);
      CHECK(journey.parcel.tls_state.size() <= kMaxTlsBytes);
      CHECK(journey.luggage.wake);
      CHECK(journey.luggage.unread.empty());
      CHECK(bed.Live() == 0);
      bed.Take(*echo, std::move(journey.parcel), std::move(journey.luggage));
      REQUIRE(bed.Last().Client().Tls() != nullptr);
      CHECK(bed.Last().Client().Tls()->server_name == "a.test");
      std::string heard;
      REQUIRE(bed.Until([&] {
        client->Pump();
        return client->Done();
      }));
      client->Tls().Write("hello");
      REQUIRE(bed.Until([&] {
        client->Pump();
        heard += client->Tls().Read();
        return heard == "hello";
      }));
      client->Close();
      REQUIRE(bed.Until([&] { return bed.Live() == 0; }));
    }
  }
}

TEST_CASE("a request that comes with the end of the handshake travels as it came, and is answered") {
  SessionBed bed;
  const auto gate = MakeGate();
  const auto echo = MakeEcho(bed.Env());
  auto tls = MakeOpensslClient({});
  const auto client = Connect(bed, *gate, nullptr);
  const std::string request(3000, 'r');
  SessionBed::Journey journey = AskAtOnce(bed, *tls, *client, request);
  Result<TlsLuggage> session = DecodeTls(journey.parcel.tls_state);
  REQUIRE(session.Ok());
  CHECK(session.Value().unread.size() == request.size() + 22);
  bed.Take(*echo, std::move(journey.parcel), std::move(journey.luggage));
  CHECK((Hear(bed, *tls, *client, request.size()) == request));
}

TEST_CASE("more than is read at once behind the handshake stays in the socket") {
  SessionBed bed;
  const auto gate = MakeGate();
  const auto echo = MakeEcho(bed.Env());
  auto tls = MakeOpensslClient({});
  const auto client = Connect(bed, *gate, nullptr);
  const std::string request(100'000, 'r');
  SessionBed::Journey journey = AskAtOnce(bed, *tls, *client, request);
  CHECK(journey.parcel.tls_state.size() <= kMaxTlsBytes);
  bed.Take(*echo, std::move(journey.parcel), std::move(journey.luggage));
  CHECK((Hear(bed, *tls, *client, request.size()) == request));
}

TEST_CASE("the deadline: silent, one byte at a time, or late already") {
  SessionBed bed;
  TlsConfig config;
  config.handshake_timeout = std::chrono::milliseconds(200);
  const auto gate = MakeGate(config);
  const Time start = Now();
  const auto silent = Connect(bed, *gate, nullptr);
  CHECK(HearAll(bed, *silent).empty());
  CHECK(Now() - start >= std::chrono::milliseconds(195));  // the loop's clock stands while it works
  CHECK(bed.Why() == "the TLS handshake took too long");
  const auto slow = Connect(bed, *gate, nullptr);
  const std::string hello = Hello();
  std::size_t sent = 0;
  REQUIRE(bed.Until([&] {
    if (sent + 1 < hello.size()) slow->SendRaw(hello.substr(sent++, 1));
    (void)slow->ReadRaw();
    return slow->Ended();
  }));
  CHECK(bed.Why() == "the TLS handshake took too long");
  const Time late = Now();
  const auto old = Connect(bed, *gate, nullptr, std::chrono::hours(1));
  CHECK(HearAll(bed, *old).empty());
  CHECK(Now() - late < std::chrono::seconds(15));
  CHECK(bed.Live() == 0);
}

TEST_CASE("a plain request gets a 400 that says so, however much it sends, and no reset") {
  SessionBed bed;
  const auto gate = MakeGate();
  for (const std::size_t body : {std::size_t{0}, std::size_t{1'000'000}}) {
    const auto client = Connect(bed, *gate, nullptr);
    client->SendRaw("POST / HTTP/1.1\r\nHost: a.test\r\n\r\n" + std::string(body, 'x'));
    std::string heard;
    REQUIRE(bed.Until([&] {
      heard += client->ReadRaw();
      return client->Ended();
    }));
    CHECK_FALSE(client->WasReset());
    const std::size_t head = heard.find("\r\n\r\n");
    REQUIRE(head != std::string::npos);
    CHECK(heard.starts_with("HTTP/1.1 400 "));
    CHECK(heard.find("Content-Length: " + std::to_string(heard.size() - head - 4) + "\r\n") !=
          std::string::npos);
    CHECK(heard.find("https://") != std::string::npos);
    client->Close();
    REQUIRE(bed.Until([&] { return bed.Live() == 0; }));
    CHECK(bed.Why() == "not TLS");
  }
}

TEST_CASE("what is neither TLS nor a request is closed without a word") {
  SessionBed bed;
  const auto gate = MakeGate();
  using namespace std::string_literals;
  for (const std::string& bytes : {"\x80\x2e\x01\x00\x02"s, "\0"s, "hello"s, "\x17\x03\x03\x00\x01x"s}) {
    const auto client = Connect(bed, *gate, nullptr);
    client->SendRaw(bytes);
    CHECK(HearAll(bed, *client).empty());
    CHECK(bed.Live() == 0);
  }
}

TEST_CASE("the alert reaches the client although it has sent more than was read") {
  SessionBed bed;
  const auto gate = MakeGate();
  ClientOptions old;
  old.lowest = 10;
  old.highest = 11;
  const auto client = Connect(bed, *gate, nullptr);
  client->SendRaw(Hello(old) + std::string(500'000, 'x'));
  const std::string heard = HearAll(bed, *client);
  CHECK_FALSE(client->WasReset());
  REQUIRE(heard.size() == 7);
  CHECK(heard[0] == 21);
  CHECK(heard[6] == 70);  // protocol_version
  // It stays for a second at most, however long the client does.
  REQUIRE(bed.Until([&] { return bed.Live() == 0; }));
  CHECK(bed.Why() == "the TLS handshake failed");
}

TEST_CASE("a client whose certificate is refused learns it, although its request is under way") {
  SessionBed bed;
  TlsConfig config;
  config.client_certificates = ClientCertificates::kRequired;
  const auto gate = MakeGate(config, TestAuthority().pem);
  const TestCertificate unknown = MakeCertificate({.common_name = "unknown"});
  ClientOptions options;
  options.chain = unknown.pem;
  options.key = unknown.key;
  options.lowest = 13;
  const auto client = Connect(bed, *gate, MakeOpensslClient(options));
  REQUIRE(bed.Until([&] {
    client->Pump();
    return client->Done();
  }));
  for (int i = 0; i < 20; ++i) client->Tls().Write(std::string(10'000, 'x'));
  REQUIRE(bed.Until([&] { return !client->Pump(); }));
  CHECK_THROWS(client->Tls().Read());
  CHECK(client->Tls().Alert() == "unknown_CA");
  CHECK_FALSE(client->WasReset());
}

TEST_CASE("a client that leaves in the middle is closed") {
  SessionBed bed;
  const auto gate = MakeGate();
  const auto client = Connect(bed, *gate, nullptr);
  client->SendRaw(Hello().substr(0, 50));
  bed.Turn();
  CHECK(bed.Live() == 1);
  client->Close();
  REQUIRE(bed.Until([&] { return bed.Live() == 0; }));
  CHECK(bed.Why() == "the client left in the TLS handshake");
}

TEST_CASE("a PROXY header comes first, and the hello may come with it") {
  SessionBed bed;
  const auto gate = MakeGate();
  ProxyPreface preface(*gate);
  for (const bool together : {true, false}) {
    Parcel parcel;
    UniqueFd fd = ConnectTcp(parcel);
    parcel.tls = TlsStage::kHandshakeDue;
    parcel.proxy_header_due = true;
    bed.Take(preface, std::move(parcel));
    SocketClient client(std::move(fd), MakeOpensslClient({}));
    client.SendRaw("PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n");
    if (!together) bed.Turn();
    REQUIRE(bed.Until([&] {
      client.Pump();
      return bed.Journeys() == 1;
    }));
    const SessionBed::Journey journey = bed.LastJourney();
    CHECK(journey.parcel.tls == TlsStage::kEstablished);
    CHECK_FALSE(journey.parcel.proxy_header_due);
    CHECK(journey.parcel.peer.Text() == "192.0.2.7:4711");
    CHECK(journey.luggage.unread.empty());
  }
}

TEST_CASE("before the first byte it may travel, and its deadline goes along; in the middle it stays") {
  SessionBed bed;
  const auto gate = MakeGate();
  auto client = Connect(bed, *gate, MakeOpensslClient({}));
  bed.SendAway();
  REQUIRE(bed.Journeys() == 1);
  SessionBed::Journey journey = bed.LastJourney();
  CHECK(journey.parcel.tls == TlsStage::kHandshakeDue);
  CHECK_FALSE(journey.luggage.wake);
  CHECK(journey.luggage.idle_left > Duration(0));
  CHECK(journey.luggage.idle_left <= std::chrono::seconds(10));
  bed.Take(*gate, std::move(journey.parcel), std::move(journey.luggage));
  client->SendRaw(Hello().substr(0, 20));
  bed.Turn();
  bed.SendAway();
  CHECK(bed.Journeys() == 0);
  // A gate that retires ends the handshakes that it has.
  bed.Env().retiring = true;
  bed.Last().Retire();
  bed.Turn();
  CHECK(bed.Live() == 1);
}

TEST_CASE("a gate that retires lets a handshake end, and a full one gives up the oldest") {
  SessionBed bed;
  const auto gate = MakeGate();
  const auto client = Connect(bed, *gate, MakeOpensslClient({}));
  client->Pump();
  bed.Turn();
  bed.Env().retiring = true;
  bed.Last().Retire();
  REQUIRE(bed.Until([&] {
    client->Pump();
    return bed.Journeys() == 1;
  }));
  CHECK(bed.LastJourney().parcel.tls == TlsStage::kEstablished);
  const auto slow = Connect(bed, *gate, nullptr, std::chrono::seconds(5));
  CHECK(bed.Last().Lag(Now()) >= std::chrono::seconds(5));
  bed.Last().GiveWay();
  bed.Turn();
  CHECK(bed.Live() == 0);
  CHECK(bed.Why() == "the gate is full");
}

}  // namespace preforkd::testing
