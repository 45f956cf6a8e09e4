// Bodies that a handler takes in pieces: every way to cut them, a handler that holds them back, answers
// before the end, and bodies that never come to an end.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/loopback/http/later_bed.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kChunked = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view kExpect = "Expect: 100-continue\r\n";

class PiecesBed : public LaterBed {
 public:
  explicit PiecesBed(const HttpSettings& settings = {}) : LaterBed(settings) {
    use = [](const HttpRequest& request) {
      return request.path == "/now" ? BodyUse::kWhole : BodyUse::kPieces;
    };
  }
};

std::string Of(std::string_view fields, std::string_view body) { return Post(std::string(fields), body); }
std::string Length(std::size_t size) { return "Content-Length: " + std::to_string(size) + "\r\n"; }

TEST_CASE("a body that is cut at any byte") {
  std::string request;
  SUBCASE("of known length") { request = Of(Length(11), "hello world"); }
  SUBCASE("chunked") { request = Of(kChunked, "6\r\nhello \r\n5;a=b\r\nworld\r\n0\r\nTrailer: x\r\n\r\n"); }
  const std::string next = Get("/now");
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    CAPTURE(cut);
    PiecesBed bed;
    const auto client = bed.Ask(request.substr(0, cut));
    bed.http.Exchange(*client, request.substr(cut) + next);
    REQUIRE(bed.taken.size() == 1);
    CHECK(bed.Last()->Request().body_follows);
    CHECK(bed.Last()->Request().body.empty());
    CHECK(bed.Last().body == "hello world");
    CHECK(bed.Last().last == 1);
    CHECK(client->Received().empty());
    bed.Last().Say("thanks");
    const auto answers = ParseAnswers(bed.Hear(*client));
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "thanks");
    CHECK(answers[1].body == "GET /now ");
  }
}

TEST_CASE("a body that comes byte by byte is passed on byte by byte") {
  PiecesBed bed;
  const auto client = bed.Ask(Of(Length(5), ""));
  REQUIRE(bed.taken.size() == 1);
  CHECK(bed.Last().pieces == 0);
  int expected = 0;
  for (const char c : std::string("hello")) {
    bed.http.Exchange(*client, {&c, 1});
    CHECK(bed.Last().pieces == ++expected);
  }
  CHECK(bed.Last().body == "hello");
  CHECK(bed.Last().last == 1);
}

TEST_CASE("a request without a body has no pieces") {
  PiecesBed bed;
  std::string request = Get("/later");
  int last = 0;
  SUBCASE("GET") {}
  SUBCASE("length 0") { request = Of(Length(0), ""); }
  SUBCASE("chunked and empty") {
    request = Of(kChunked, "0\r\n\r\n");
    last = 1;
  }
  const auto client = bed.Ask(request);
  REQUIRE(bed.taken.size() == 1);
  CHECK(bed.Last()->Request().body_follows == (last == 1));
  CHECK(bed.Last().last == last);
  bed.Last().Say("here");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "here");
}

TEST_CASE("100 Continue is sent before the handler begins") {
  PiecesBed bed;
  const auto client = bed.Ask(Of(std::string(kExpect) + Length(2), ""));
  REQUIRE(bed.taken.size() == 1);
  CHECK(client->Received() == "HTTP/1.1 100 Continue\r\n\r\n");
  bed.http.Exchange(*client, "ab");
  CHECK(bed.Last().body == "ab");
}

TEST_CASE("a handler that holds the body back: nothing more is read until it goes on") {
  constexpr std::size_t kSize = 8'000'000;
  HttpSettings settings;
  settings.max_body = kSize;
  PiecesBed bed(settings);
  bool inside = false;
  SUBCASE("held inside Start") {
    inside = true;
    bed.start = [](Taken& taken) { taken->HoldBody(true); };
  }
  SUBCASE("held inside OnBody") {
    bed.start = [](Taken& taken) { taken.on_body = [&taken](std::string_view) { taken->HoldBody(true); }; };
  }
  const auto client = bed.http.Connect();
  REQUIRE(client->Write(Of(Length(kSize), "first")) > 0);
  bed.http.Turn();
  REQUIRE(bed.taken.size() == 1);
  const std::string before = inside ? "" : "first";
  CHECK(bed.Last().body == before);
  const std::string rest(kSize - 5, 'x');
  std::size_t sent = 0;
  // The sockets' own buffers, and then no more.
  for (std::size_t step = 1; step > 0; bed.http.Turn()) {
    step = client->Write(std::string_view(rest).substr(sent));
    sent += step;
  }
  CHECK(sent < kSize / 2);
  CHECK(bed.Last().body == before);
  const std::uint64_t callbacks = bed.http.Callbacks();
  const Time end = Now() + milliseconds(30);
  CHECK(bed.http.Until([&] { return Now() > end; }));
  CHECK(bed.http.Callbacks() == callbacks);

  bed.Last().on_body = nullptr;
  bed.Last()->HoldBody(false);
  REQUIRE(bed.http.Until([&] {
    sent += client->Write(std::string_view(rest).substr(sent));
    return bed.Last().last == 1;
  }));
  CHECK(bed.Last().body == "first" + rest);
  bed.Last().Say("thanks");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "thanks");
}

TEST_CASE("a handler that holds and goes on at each piece, also within one") {
  PiecesBed bed;
  bed.start = [](Taken& taken) {
    taken.on_body = [&taken](std::string_view) {
      taken->HoldBody(true);
      taken->HoldBody(false);
      taken->HoldBody(true);
    };
  };
  std::string chunks;
  for (int i = 0; i < 50; ++i) chunks += "1\r\n" + std::string(1, static_cast<char>('a' + i % 26)) + "\r\n";
  const auto client = bed.Ask(Of(kChunked, chunks + "0\r\n\r\n") + Get("/now"));
  REQUIRE(bed.http.Until([&] {
    bed.Last()->HoldBody(false);
    return bed.Last().last == 1;
  }));
  CHECK(bed.Last().body.size() == 50);
  bed.Last().Say("thanks");
  CHECK(ParseAnswers(bed.Hear(*client)).size() == 2);
}

// ---- answered before the body is complete ----

TEST_CASE("an answer before the end of the body: the rest is discarded, and the connection stays") {
  PiecesBed bed;
  bool chunked = false;
  std::string cut;
  SUBCASE("inside Start, the body is there") { cut = "start"; }
  SUBCASE("inside OnBody") { cut = "body"; }
  SUBCASE("inside OnBody, chunked") {
    cut = "body";
    chunked = true;
  }
  SUBCASE("later") { cut = "later"; }
  const auto answer = [](Taken& taken) {
    if (taken->Open()) taken.Say("enough");
  };
  if (cut == "start") bed.start = answer;
  if (cut == "body") {
    bed.start = [&](Taken& taken) { taken.on_body = [&](std::string_view) { answer(taken); }; };
  }
  const auto client = bed.Ask(chunked ? Of(kChunked, "5\r\nhello\r\n") : Of(Length(11), "hello"));
  if (cut == "later") answer(bed.Last());
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "enough");
  const int pieces = bed.Last().pieces;
  bed.http.Exchange(*client, chunked ? "6\r\n world\r\n0\r\n\r\n" : " world");
  CHECK(bed.Last().pieces == pieces);
  CHECK(bed.Last().last == 0);
  bed.http.Exchange(*client, Get("/now"));
  const auto answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 2);
  CHECK(answers[1].body == "GET /now ");
}

TEST_CASE("an answer that is the last of the connection, before the end of the body") {
  PiecesBed bed;
  bool inside = false;
  SUBCASE("inside OnBody") { inside = true; }
  SUBCASE("later") {}
  if (inside) {
    bed.start = [](Taken& taken) {
      taken.on_body = [&taken](std::string_view piece) {
        if (taken->Open()) taken.Say("enough");
        CHECK(piece == "hello");  // the bytes are still there
      };
    };
  }
  const auto client = bed.Ask(Of("Connection: close\r\n" + Length(1'000'000), "hello"), SocketKind::kTcp);
  if (!inside) bed.Last().Say("enough");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "enough");
  CHECK(bed.http.Live() == 1);  // lingers: the client is still sending
  client->Write(std::string(100'000, 'x'));
  bed.http.Turn();
  client->Close();
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
}

TEST_CASE("an echo: each piece goes back as it comes") {
  PiecesBed bed;
  bed.start = [](Taken& taken) {
    taken.Begin();
    taken.on_body = [&taken](std::string_view piece) {
      if (!piece.empty()) taken->Write(piece);
      if (taken.last > 0) taken->Finish();
    };
  };
  const auto client = bed.Ask(Of(Length(11), "hello"));
  CHECK(AfterHead(client->Received()) == "5\r\nhello\r\n");
  bed.http.Exchange(*client, " world" + Get("/now"));
  const std::string& received = client->Received();
  const std::size_t next = received.rfind("HTTP/1.1 200");
  REQUIRE(next > 0);
  CHECK(Dechunk(received.substr(0, next)) == "hello world");
}

// ---- bodies that go wrong ----

struct Broken {
  const char* body;
  int status;
};

// Sends a body that is wrong. `how`: when, and what was answered by then.
void CheckBroken(const Broken& broken, const std::string& how) {
  CAPTURE(broken.body);
  CAPTURE(how);
  HttpSettings settings;
  settings.max_body = 100;
  PiecesBed bed(settings);
  if (how == "begun inside") bed.start = [](Taken& taken) { taken.Begin(); };
  const bool together = how == "together" || how == "begun inside";
  const auto client = bed.Ask(Of(kChunked, together ? broken.body : ""), SocketKind::kTcp);
  REQUIRE(bed.taken.size() == 1);
  if (how == "begun") bed.Last().Begin();
  if (how == "answered") bed.Last().Say("early");
  bed.http.Turn();
  if (!together) bed.http.Exchange(*client, broken.body);
  bed.Hear(*client);
  CHECK(client->Ended());
  if (how == "begun") {
    CHECK(ParseAnswers(client->Received()).front().status == 200);
    CHECK(AfterHead(client->Received()).empty());  // no end of the body
  } else if (how == "answered") {
    CHECK(ParseAnswers(client->Received()).size() == 1);
  } else {
    const auto answers = ParseAnswers(client->Received());
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == broken.status);
    CHECK(answers[0].body.size() > 0);
    CHECK(answers[0].Field("connection") == "close");
  }
  CHECK(bed.Last().ended == (how == "answered" ? 0 : 1));
  CHECK(bed.Last().last == 0);
}

TEST_CASE("a body that is malformed or too large") {
  const std::string in_the_end = "32\r\n" + std::string(50, 'x') + "\r\n33\r\n";
  for (const Broken& broken : {Broken{"zz\r\n", 400}, Broken{"5\r\nabcdeX\r\n", 400}, Broken{"65\r\n", 413},
                               Broken{in_the_end.c_str(), 413}}) {
    for (const char* how : {"together", "later", "begun", "begun inside", "answered"})
      CheckBroken(broken, how);
  }
}

TEST_CASE("a length that is too large is refused before the handler begins") {
  HttpSettings settings;
  settings.max_body = 100;
  PiecesBed bed(settings);
  const auto client = bed.Ask(Of(Length(101), "x"), SocketKind::kTcp);
  CHECK(bed.taken.empty());
  CHECK(ParseAnswers(client->Received()).front().status == 413);
}

TEST_CASE("a body that stops coming") {
  HttpSettings settings;
  settings.body_timeout = milliseconds(30);
  settings.keepalive_timeout = std::chrono::seconds(20);
  PiecesBed bed(settings);
  const auto client = bed.Ask(Of(Length(10), "abc"), SocketKind::kTcp);
  SUBCASE("nothing was answered: 408") {
    CHECK(bed.http.Until([&] { return bed.Last().ended == 1; }));
    CHECK(ParseAnswers(bed.Hear(*client)).front().status == 408);
    CHECK(client->Ended());
  }
  SUBCASE("the answer has begun: the connection ends") {
    bed.Last().Begin();
    CHECK(bed.http.Until([&] { return bed.Last().ended == 1; }));
    CHECK(ParseAnswers(bed.Hear(*client)).front().status == 200);
    CHECK(AfterHead(client->Received()).empty());
    CHECK(client->Ended());
  }
  SUBCASE("it was answered: the connection ends") {
    bed.Last().Say("early");
    CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
    CHECK(ParseAnswers(bed.Hear(*client)).size() == 1);
  }
  SUBCASE("the handler holds it back: that is not the client's fault") {
    bed.Last()->HoldBody(true);
    const Time end = Now() + milliseconds(100);
    CHECK(bed.http.Until([&] { return Now() > end; }));
    CHECK(bed.Last().ended == 0);
    bed.Last()->HoldBody(false);
    bed.http.Exchange(*client, "defghij");
    CHECK(bed.Last().body == "abcdefghij");
    CHECK(bed.Last().last == 1);
  }
}

TEST_CASE("a client that leaves in the middle of its body") {
  PiecesBed bed;
  const auto client = bed.Ask(Of(Length(10), "abc"), SocketKind::kTcp);
  SUBCASE("FIN") { client->Finish(); }
  SUBCASE("RST") { client->Reset(); }
  SUBCASE("FIN while it is held back") {
    bed.Last()->HoldBody(true);
    client->Write("def");
    client->Finish();
    REQUIRE(bed.http.Until([&] { return bed.Last().leaving == 1; }));
    CHECK(bed.Last().ended == 0);
    bed.Last()->HoldBody(false);
    bed.http.Turn();
    CHECK(bed.Last().body == "abcdef");
  }
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
  CHECK(bed.Last().ended == 1);
  CHECK(bed.Last().last == 0);
  CHECK(bed.Last()->Ended());
}

}  // namespace
}  // namespace preforkd::testing
