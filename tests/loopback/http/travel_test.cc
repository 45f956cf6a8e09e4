// A deferred request that goes to another worker with its connection, as if nobody had read it; and
// connections that travel after a deferred answer.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/loopback/http/later_bed.h"

namespace preforkd::testing {
namespace {

// The last request travels, and arrives as a new one.
void TravelOnce(LaterBed& bed) {
  const std::shared_ptr<Exchange> exchange = bed.Last().exchange;
  const std::size_t before = bed.taken.size();
  REQUIRE(exchange->Travel(Now() + std::chrono::minutes(1)));
  CHECK(exchange->Ended());
  CHECK(bed.Last().ended == 1);
  REQUIRE(bed.http.Travelled() == 1);
  CHECK(bed.http.LastLuggage().wake);
  CHECK(bed.http.Live() == 0);
  bed.http.Resume();
  REQUIRE(bed.taken.size() == before + 1);
}

TEST_CASE("a deferred request is read again by another worker") {
  LaterBed bed;
  std::string request;
  std::string body;
  SUBCASE("without a body") { request = Get("/later", "X: y\r\n"); }
  SUBCASE("HTTP/1.0 without Host") { request = "GET /later HTTP/1.0\r\nX: y\r\n\r\n"; }
  SUBCASE("a body of known length") {
    body = std::string(10'000, 'b');
    request = Post("X: y\r\nContent-Length: 10000\r\n", body);
  }
  SUBCASE("a chunked body") {
    body = "hello, world";
    request = Post("X: y\r\nTransfer-Encoding: chunked\r\n",
                   "5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\nT: x\r\n\r\n");
  }
  SUBCASE("an empty chunked body") { request = Post("X: y\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"); }
  SUBCASE("a body of length 0") { request = Post("X: y\r\nContent-Length: 0\r\n", ""); }
  const auto client = bed.Ask(request);
  REQUIRE(bed.taken.size() == 1);
  TravelOnce(bed);
  TravelOnce(bed);
  CHECK(bed.Last()->Request().Field("x").value_or("") == "y");
  CHECK(bed.Last()->Request().path == "/later");
  CHECK(bed.Last()->Request().body == body);
  CHECK(client->Received().empty());
  bed.Last().Say("arrived");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "arrived");
  CHECK(ParseAnswers(client->Received()).size() == 1);
}

TEST_CASE("what was pipelined behind it travels too") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/later") + Get("/now") + "GET /now?half HTT");
  TravelOnce(bed);
  bed.Last().Say("first");
  CHECK(ParseAnswers(bed.Hear(*client)).size() == 2);
  bed.http.Exchange(*client, "P/1.1\r\nHost: a\r\n\r\n");
  const auto answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 3);
  CHECK(answers[1].body == "GET /now ");
  CHECK(answers[2].body == "GET /now?half ");
}

TEST_CASE("a client that waited for 100 Continue is told once") {
  LaterBed bed;
  const std::string head = Post("Expect: 100-continue\r\nContent-Length: 3\r\n", "");
  const auto client = bed.Ask(head);
  CHECK(client->Received() == "HTTP/1.1 100 Continue\r\n\r\n");
  client->Forget();
  bed.http.Exchange(*client, "abc");
  TravelOnce(bed);
  CHECK(bed.Last()->Request().body == "abc");
  bed.Last().Say("arrived");
  CHECK(bed.Hear(*client).starts_with("HTTP/1.1 200"));
}

TEST_CASE("a request travels that is too large for a message, and so does what is behind it") {
  LaterBed bed;
  std::string request = Get("/later");
  std::string body;
  const std::string behind = Get("/now", "X: " + std::string(7000, 'y') + "\r\n");
  SUBCASE("its body") {
    body = std::string(1'000'000, 'x');
    request = Post("Content-Length: 1000000\r\n", body) + behind;
  }
  SUBCASE("its body, chunked") {
    body = std::string(0xf0000, 'x');
    request = Post("Transfer-Encoding: chunked\r\n", "f0000\r\n" + body + "\r\n0\r\n\r\n") + behind;
  }
  SUBCASE("what is behind it") {
    for (int i = 0; i < 8; ++i) request += behind;
  }
  const auto client = bed.http.Connect();
  bed.http.Exchange(*client, request);
  REQUIRE(bed.taken.size() == 1);
  TravelOnce(bed);
  TravelOnce(bed);
  CHECK(bed.Last()->Request().body == body);
  bed.Last().Say("here");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "here");
  CHECK(ParseAnswers(client->Received()).size() == (body.empty() ? 9 : 2));
}

TEST_CASE("a request that cannot travel stays, and is answered here") {
  HttpSettings settings;
  settings.max_body = kMaxHeavyBytes;
  LaterBed bed(settings);
  const auto client = bed.http.Connect();
  const std::string length = "Content-Length: " + std::to_string(kMaxHeavyBytes) + "\r\n";
  bed.http.Exchange(*client, Post(length, std::string(kMaxHeavyBytes, 'x')));
  REQUIRE(bed.taken.size() == 1);
  CHECK_FALSE(bed.Last()->Travel(Now() + std::chrono::minutes(1)));
  CHECK(bed.Last()->Open());
  CHECK(bed.Last().ended == 0);
  CHECK(bed.http.Live() == 1);
  bed.Last().Say("here");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "here");
}

TEST_CASE("a body in pieces of which the handler has got some does not travel, complete or not") {
  LaterBed bed;
  bed.use = [](const HttpRequest&) { return BodyUse::kPieces; };
  std::string body = "abc";
  SUBCASE("complete") {}
  SUBCASE("half") { body = "a"; }
  const auto client = bed.Ask(Post("Content-Length: 3\r\n", body));
  CHECK_FALSE(bed.Last()->Travel(Now() + std::chrono::minutes(1)));
  bed.Last().Say("here");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "here");
}

// A handler that takes bodies in pieces, and holds each back from the start.
class HeldBed : public LaterBed {
 public:
  HeldBed() {
    use = [](const HttpRequest& request) {
      return request.path == "/now" ? BodyUse::kWhole : BodyUse::kPieces;
    };
    start = [](Taken& one) { one->HoldBody(true); };
  }
};

TEST_CASE("a body in pieces that is held from the start travels, however much of it has arrived") {
  const std::string length = Post("Content-Length: 11\r\n", "hello world");
  const std::string chunked =
      Post("Transfer-Encoding: chunked\r\n", "6\r\nhello \r\n5;a=b\r\nworld\r\n0\r\nT: x\r\n\r\n");
  for (const std::string& request : {length, chunked}) {
    const std::string all = request + Get("/now");
    for (std::size_t cut = request.find("\r\n\r\n") + 4; cut <= all.size(); ++cut) {
      CAPTURE(all.substr(0, cut));
      HeldBed bed;
      const auto client = bed.Ask(all.substr(0, cut));
      REQUIRE(bed.taken.size() == 1);
      TravelOnce(bed);
      CHECK(bed.http.Live() == 1);
      bed.http.Exchange(*client, all.substr(cut));
      TravelOnce(bed);
      CHECK(bed.Last().pieces == 0);
      bed.Last()->HoldBody(false);
      bed.http.Turn();
      CHECK(bed.Last().body == "hello world");
      CHECK(bed.Last().last == 1);
      CHECK_FALSE(bed.Last()->Travel(Now() + std::chrono::minutes(1)));
      bed.Last().Say("thanks");
      const auto answers = ParseAnswers(bed.Hear(*client));
      REQUIRE(answers.size() == 2);
      CHECK(answers[0].body == "thanks");
      CHECK(answers[1].body == "GET /now ");
    }
  }
}

TEST_CASE("a client that waited for 100 Continue is told where its body is wanted, and not before") {
  HeldBed bed;
  const auto client = bed.Ask(Post("Expect: 100-continue\r\nContent-Length: 3\r\n", ""));
  TravelOnce(bed);
  TravelOnce(bed);
  CHECK(bed.Hear(*client).empty());
  SUBCASE("wanted") {
    bed.Last()->HoldBody(false);
    CHECK(bed.Hear(*client) == "HTTP/1.1 100 Continue\r\n\r\n");
    bed.Last()->HoldBody(true);
    bed.Last()->HoldBody(false);
    client->Forget();
    bed.http.Exchange(*client, "abc" + Get("/now"));
    CHECK(bed.Last().body == "abc");
    bed.Last().Say("thanks");
    CHECK(ParseAnswers(bed.Hear(*client)).size() == 2);
    CHECK_FALSE(client->Ended());
  }
  // It may send the body now, or not: what follows has no meaning.
  SUBCASE("answered before") {
    bed.Last().Say("not for you", 403);
    const auto answers = ParseAnswers(bed.Hear(*client));
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 403);
    CHECK(answers[0].Field("connection") == "close");
    bed.http.Exchange(*client, "abc" + Get("/now"));
    CHECK(ParseAnswers(client->Received()).size() == 1);
    CHECK(client->Ended());
  }
  SUBCASE("wanted after the answer has begun") {
    bed.Last().Begin();
    bed.Last()->HoldBody(false);
    bed.Last()->Write("early");
    bed.Last()->Finish();
    CHECK(bed.Hear(*client).find("100 Continue") == std::string::npos);
    CHECK(Dechunk(client->Received()) == "early");
    CHECK(client->Ended());
  }
}

TEST_CASE("a connection whose request is being answered does not travel by itself") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/later"));
  CHECK(bed.http.Last().Pack() == std::nullopt);
  bed.Last().Begin();
  CHECK(bed.http.Last().Pack() == std::nullopt);
}

TEST_CASE("in a retiring worker the connection travels after the deferred answer") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/later"));
  bed.http.Retire();
  CHECK(bed.http.Travelled() == 0);
  SUBCASE("whole") { bed.Last().Say("here"); }
  SUBCASE("streamed") {
    bed.Last().Begin();
    bed.Last()->Write("here");
    bed.http.Turn();
    CHECK(bed.http.Travelled() == 0);
    bed.Last()->Finish();
  }
  CHECK(bed.Hear(*client).find("here") != std::string::npos);
  CHECK_FALSE(client->Ended());
  REQUIRE(bed.http.Travelled() == 1);
  CHECK(bed.http.LastLuggage().unread.empty());
  CHECK(bed.Last().ended == 0);
  bed.http.Resume();
  client->Forget();
  bed.http.Exchange(*client, Get("/now"));
  CHECK(ParseAnswers(client->Received()).front().status == 200);
}

}  // namespace
}  // namespace preforkd::testing
