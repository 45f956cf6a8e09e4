// How a connection lives and ends: back-pressure, deadlines, lingering, retiring, travelling.
#include <doctest/doctest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/http/idle_context.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string GetOf(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

Answer OnlyAnswer(const Client& client, bool head_only = false) {
  const std::vector<Answer> answers = ParseAnswers(client.Received(), head_only);
  REQUIRE(answers.size() == 1);
  return answers.front();
}

// ---- the end ----

TEST_CASE("the end of a connection that its client wants closed rides on the segment of the answer") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect(SocketKind::kTcp);
  bed.Exchange(*client, GetOf("/", "Connection: close\r\n"));
  REQUIRE(bed.Until([&] {
    client->Read();
    return client->Ended();
  }));
  CHECK(OnlyAnswer(*client).status == 200);
  tcp_info info{};
  socklen_t size = sizeof(info);
  REQUIRE(::getsockopt(client->Fd(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  // The handshake's, at most one that acknowledges the request, and the answer with the end.
  CHECK(info.tcpi_segs_in <= 3);
}

// ---- back-pressure ----

TEST_CASE("a client that does not read answers is not read from") {
  int served = 0;
  HttpBed bed({}, [&served](const HttpRequest& request, HttpResponse& response) {
    ++served;
    response.AddHeader("X-Path", request.path);
    response.Body().assign(1024 * 1024, 'x');
  });
  const auto client = bed.Connect();
  constexpr int kRequests = 20;
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += GetOf("/" + std::to_string(i));
  REQUIRE(client->Write(requests) == requests.size());
  bed.Turn();
  CHECK(served == 1);  // the rest of its answer is all the memory that this client can use
  REQUIRE(bed.Until([&] {
    client->Read(64 * 1024);
    return client->Received().size() > kRequests * 1024 * 1024 && served == kRequests &&
           bed.Last().GetSession().TravelRefusal() == nullptr;
  }));
  client->Read();
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == kRequests);
  for (int i = 0; i < kRequests; ++i) {
    CHECK(answers[static_cast<std::size_t>(i)].Field("x-path") == "/" + std::to_string(i));
    CHECK(answers[static_cast<std::size_t>(i)].body.size() == 1024 * 1024);
  }
}

TEST_CASE("83 a client that never reads is closed after send_timeout") {
  HttpSettings config;
  config.send_timeout = milliseconds(50);
  HttpBed bed(config,
              [](const HttpRequest&, HttpResponse& response) { response.Body().assign(4'000'000, 'x'); });
  const auto client = bed.Connect();
  client->Write(kGet);
  CHECK(bed.Until([&] { return bed.Live() == 0; }));
}

TEST_CASE("79 a reset while we write ends that connection only") {
  HttpBed bed({}, [](const HttpRequest&, HttpResponse& response) { response.Body().assign(8'000'000, 'x'); });
  const auto client = bed.Connect(SocketKind::kTcp);
  client->Write(kGet);
  bed.Turn();
  REQUIRE(bed.Live() == 1);
  client->Reset();
  CHECK(bed.Until([&] { return bed.Live() == 0; }));
  const auto next = bed.Connect(SocketKind::kTcp);
  next->Write(kGet);
  CHECK(bed.Until([&] {
    next->Read();
    return next->Received().size() > 8'000'000;
  }));
}

// ---- deadlines ----

TEST_CASE("81 the deadline for a head is one for all its bytes") {
  HttpSettings config;
  config.header_timeout = milliseconds(80);
  HttpBed bed(config, Mirror);
  const auto client = bed.Connect();
  const std::string head = GetOf("/", "X: " + std::string(5000, 'y') + "\r\n");
  const Time start = Now();
  Time last_byte = start;
  std::size_t sent = 0;
  CHECK(bed.Until([&] {
    // By the clock: as fast as the loop turns, the whole head would arrive within the deadline.
    if (Now() - last_byte >= milliseconds(2)) {
      sent += client->Write(std::string_view(head).substr(sent, 1));
      last_byte = Now();
    }
    client->Read();
    return client->Ended();
  }));
  CHECK(sent > 1);
  CHECK(OnlyAnswer(*client).status == 408);
  CHECK(Now() - start < std::chrono::seconds(2));
}

TEST_CASE("connections without a request are closed without an answer") {
  HttpSettings config;
  config.header_timeout = milliseconds(40);
  config.keepalive_timeout = milliseconds(40);
  HttpBed bed(config, Mirror);
  const auto never = bed.Connect();
  const auto once = bed.Connect();
  once->Write(kGet);
  CHECK(bed.Until([&] { return bed.Live() == 0; }));
  never->Read();
  once->Read();
  CHECK(never->Received().empty());
  CHECK(OnlyAnswer(*once).status == 200);
}

TEST_CASE("a request after another has a deadline of its own") {
  HttpSettings config;
  config.header_timeout = milliseconds(40);
  HttpBed bed(config, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, std::string(kGet) + "GET");
  CHECK(bed.Until([&] {
    client->Read();
    return client->Ended();
  }));
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 2);
  CHECK(answers[1].status == 408);
}

TEST_CASE("a body that stops coming is answered with 408") {
  HttpSettings config;
  config.body_timeout = milliseconds(40);
  HttpBed bed(config, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  CHECK(bed.Until([&] {
    client->Read();
    return client->Ended();
  }));
  CHECK(OnlyAnswer(*client).status == 408);
}

// ---- lingering ----

TEST_CASE("63 a client that sends a refused body still gets the answer") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect(SocketKind::kTcp);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n";
  bed.Exchange(*client, head);
  bed.Exchange(*client,
               std::string(3'000'000, 'x'));  // without lingering the answer would be lost to a reset
  CHECK(OnlyAnswer(*client).status == 413);
  CHECK(bed.Live() == 1);
  client->Close();
  CHECK(bed.Until([&] { return bed.Live() == 0; }));
}

TEST_CASE("a client that writes 20 MB before it reads gets the answer that refuses them") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect(SocketKind::kTcp);
  client->Write("BAD\r\n\r\n");
  std::size_t sent = 0;
  const std::string piece(100'000, 'x');
  CHECK(bed.Until([&] {
    sent += client->Write(piece);
    return sent >= 20'000'000 || bed.Live() == 0;
  }));
  CHECK(bed.Live() == 1);
  client->Read();
  CHECK(OnlyAnswer(*client).status == 400);
  CHECK(client->Ended());
  client->Close();
  CHECK(bed.Until([&] { return bed.Live() == 0; }));
}

TEST_CASE("a client that trickles bytes after a refusal is closed as soon as a silent one") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, "BAD\r\n\r\n");
  Time last_byte = Now();
  CHECK(bed.Until([&] {
    if (Now() - last_byte >= milliseconds(100)) {
      client->Write("x");
      last_byte = Now();
    }
    return bed.Live() == 0;
  }));
}

TEST_CASE("a retiring worker waits two seconds for a client that goes on sending a refused body") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, "BAD\r\n\r\n");
  const Time start = Now();
  bed.Last().Retire();
  CHECK(bed.Until([&] {
    client->Write("ten thousand bytes a second are enough, otherwise");
    return bed.Live() == 0;
  }));
  CHECK(Now() - start > milliseconds(1500));
}

TEST_CASE("lingering is bounded in time") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, "BAD\r\n\r\n");
  CHECK(client->Ended());
  CHECK(bed.Live() == 1);
  CHECK(bed.Until([&] { return bed.Live() == 0; }));
}

// ---- retiring and travelling ----

TEST_CASE("a worker that retires finishes the request that has begun") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh");
  REQUIRE(bed.Last().GetSession().TravelRefusal() != nullptr);
  SUBCASE("and the connection goes on elsewhere") {
    bed.Last().Retire();
    bed.Exchange(*client, "i");
    CHECK(OnlyAnswer(*client).body == "POST / hi");
    CHECK_FALSE(client->Ended());
    CHECK(bed.Travelled() == 1);
  }
  SUBCASE("and closes, when the whole server stops") {
    bed.Env().scoreboard.Master().state.store(MasterState::kStopping);
    bed.Last().Retire();
    bed.Exchange(*client, "i");
    CHECK(OnlyAnswer(*client).body == "POST / hi");
    CHECK(OnlyAnswer(*client).Field("connection") == "close");
    CHECK(client->Ended());
    CHECK(bed.Travelled() == 0);
  }
  CHECK(bed.Live() == 0);
}

TEST_CASE("a connection that stays idle for parking.after goes back to the master") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, kGet);
  CHECK(bed.Until([&] { return bed.Travelled() == 1; }));
  CHECK(bed.Live() == 0);
  client->Read();
  CHECK_FALSE(client->Ended());
}

TEST_CASE("a session travels only between two requests") {
  HttpBed bed({}, [](const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/big") response.Body().assign(1'000'000, 'x');
  });
  const auto client = bed.Connect();
  bed.Turn();
  const Session& session = bed.Last().GetSession();
  CHECK(session.TravelRefusal() == nullptr);
  bed.Exchange(*client, "GET /");
  CHECK(std::string(session.TravelRefusal()) == "half a request head has been received");
  bed.Exchange(*client, " HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(session.TravelRefusal() == nullptr);
  bed.Exchange(*client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
  CHECK(std::string(session.TravelRefusal()) == "a request body is being received");
  bed.Exchange(*client, "x");
  CHECK(session.TravelRefusal() == nullptr);
  client->Write(GetOf("/big"));
  bed.Turn();
  CHECK(std::string(session.TravelRefusal()) == "a response is being sent");
  CHECK(bed.Until([&] {
    client->Read();
    return session.TravelRefusal() == nullptr;
  }));
  bed.Exchange(*client, "BAD\r\n");
  CHECK(std::string(session.TravelRefusal()) == "the connection is being closed");
}

TEST_CASE("the remaining idle time is packed, and for the next worker also its end") {
  HttpSettings config;
  config.keepalive_timeout = std::chrono::seconds(60);
  HttpBed bed(config, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, kGet);
  const Luggage luggage = bed.Last().GetSession().Pack();
  CHECK(luggage.unread.empty());
  const http::IdleContext context = http::UnpackIdle(luggage.context);
  REQUIRE(context.until);
  CHECK(*context.until - Now() > std::chrono::seconds(50));
  CHECK(*context.until - Now() <= luggage.idle_left);
  CHECK(context.empty_lines == 0);
  CHECK(luggage.idle_left > std::chrono::seconds(50));
  CHECK(luggage.idle_left <= std::chrono::seconds(60));
}

TEST_CASE("bytes that came with a connection are used before the socket is read") {
  HttpBed bed({}, Mirror);
  const std::string request = GetOf("/carried");
  for (std::size_t cut = 0; cut <= request.size(); ++cut) {
    const auto client = bed.Connect(SocketKind::kUnix, {request.substr(0, cut), "\x01", Duration(0)});
    client->Write(request.substr(cut));
    bed.Exchange(*client, "");
    CHECK(OnlyAnswer(*client).body == "GET /carried ");
  }
}

}  // namespace
}  // namespace preforkd::testing
