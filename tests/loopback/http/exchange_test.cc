// Answers that come after the handler has returned: their order, the end of the connection, the client that
// leaves, and the wait in between.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/loopback/http/later_bed.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

std::vector<int> StatusesOf(const std::string& received) {
  std::vector<int> statuses;
  for (const Answer& answer : ParseAnswers(received)) statuses.push_back(answer.status);
  return statuses;
}

TEST_CASE("an answer that is given inside Start is sent when Start has returned") {
  LaterBed bed;
  bed.start = [](Taken& taken) {
    taken.Say("at once");
    CHECK_FALSE(taken->Open());
    CHECK_FALSE(taken->Ended());
  };
  const auto client = bed.Ask(Get("/a") + Get("/b"));
  const auto answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].body == "at once");
  CHECK(answers[1].body == "at once");
  CHECK_FALSE(client->Ended());
  CHECK(bed.Last().ended == 0);
}

TEST_CASE("an answer comes from the loop, later") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a?q=1", "X: y\r\n"));
  REQUIRE(bed.taken.size() == 1);
  CHECK(client->Received().empty());
  const HttpRequest& request = bed.Last()->Request();
  CHECK(request.path == "/a");
  CHECK(request.query == "q=1");
  CHECK(request.Field("x").value_or("") == "y");
  SUBCASE("from the test") { bed.Last().Say("later"); }
  SUBCASE("from a timer") {
    Timer timer(bed.http.Env().loop, EventLoop::kPriorityClient, [&] { bed.Last().Say("later"); });
    timer.SetAfter(milliseconds(5));
    CHECK(bed.http.Until([&] { return !bed.Last()->Open(); }));
  }
  const auto answers = ParseAnswers(bed.Hear(*client));
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].body == "later");
  CHECK(answers[0].Field("connection").empty());
  bed.http.Exchange(*client, Get("/now"));
  CHECK(StatusesOf(client->Received()) == std::vector<int>{200, 200});
}

TEST_CASE("requests behind a deferred one wait for it, in order, and none is lost") {
  LaterBed bed;
  std::string sent = Get("/later");
  for (int i = 0; i < 20; ++i) sent += Get("/now", "X: " + std::to_string(i) + "\r\n");
  sent += Get("/later2") + Get("/now", "X: last\r\n");
  const auto client = bed.Ask(sent);
  CHECK(client->Received().empty());
  REQUIRE(bed.taken.size() == 1);
  bed.Last().Say("first");
  CHECK(ParseAnswers(bed.Hear(*client)).size() == 21);
  REQUIRE(bed.taken.size() == 2);
  bed.Last().Say("second");
  const auto answers = ParseAnswers(bed.Hear(*client));
  REQUIRE(answers.size() == 23);
  CHECK(answers[0].body == "first");
  CHECK(answers[1].body == "GET /now [0] ");
  CHECK(answers[20].body == "GET /now [19] ");
  CHECK(answers[21].body == "second");
  CHECK(answers[22].body == "GET /now [last] ");
}

TEST_CASE("a request that arrives while one is deferred waits in the socket or in memory") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/later"));
  REQUIRE(client->Write(Get("/now")) > 0);
  bed.http.Turn();
  client->Read();
  CHECK(client->Received().empty());
  bed.Last().Say("first");
  const auto answers = ParseAnswers(bed.Hear(*client));
  REQUIRE(answers.size() == 2);
  CHECK(answers[1].body == "GET /now ");
}

TEST_CASE("a deferred answer ends the connection where a whole one would") {
  LaterBed bed;
  std::string request;
  bool head = false;
  bool ends = true;
  SUBCASE("the client asked for it") { request = Get("/a", "Connection: close\r\n"); }
  SUBCASE("HTTP/1.0") { request = "GET /a HTTP/1.0\r\nHost: a\r\n\r\n"; }
  SUBCASE("HTTP/1.0 that stays") {
    request = "GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    ends = false;
  }
  SUBCASE("HEAD") {
    request = "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n";
    head = true;
    ends = false;
  }
  const auto client = bed.Ask(request);
  bed.Last().Say("12345");
  const auto answers = ParseAnswers(bed.Hear(*client), head);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].Field("content-length") == "5");
  CHECK(answers[0].body == (head ? "" : "12345"));
  CHECK(client->Ended() == ends);
  CHECK((bed.http.Live() == 0) == ends);
}

TEST_CASE("what follows the last request of a connection is not answered") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a", "Connection: close\r\n") + Get("/now"), SocketKind::kTcp);
  bed.Last().Say("last");
  CHECK(ParseAnswers(bed.Hear(*client)).size() == 1);
  CHECK(client->Ended());
  client->Close();
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
}

TEST_CASE("a server that stops answers what is deferred, and closes") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"));
  bed.http.Env().scoreboard.Master().state = MasterState::kStopping;
  bed.http.Retire();
  CHECK_FALSE(client->Ended());
  bed.Last().Say("the last one");
  const auto answers = ParseAnswers(bed.Hear(*client));
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].Field("connection") == "close");
  CHECK(client->Ended());
}

// ---- the client leaves ----

TEST_CASE("a client that shuts down its side is announced once, and still gets its answer") {
  LaterBed bed;
  SocketKind kind = SocketKind::kTcp;
  SUBCASE("TCP") {}
  SUBCASE("Unix") { kind = SocketKind::kUnix; }
  const auto client = bed.Ask(Get("/a"), kind);
  client->Finish();
  REQUIRE(bed.http.Until([&] { return bed.Last().leaving > 0; }));
  bed.http.Turn();
  bed.http.Turn();
  CHECK(bed.Last().leaving == 1);
  CHECK(bed.Last().ended == 0);
  CHECK(bed.Last()->Open());
  bed.Last().Say("still");
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "still");
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
  CHECK(bed.Last().leaving == 1);
  CHECK(bed.Last().ended == 0);
}

TEST_CASE("the answer may be given inside OnLeaving, or the exchange dropped") {
  LaterBed bed;
  bed.start = [&](Taken& taken) {
    taken.on_leaving = [&bed] {
      bed.Last().Say("as you leave");
      bed.taken.clear();
    };
  };
  const auto client = bed.Ask(Get("/a"));
  client->Finish();
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
  CHECK(ParseAnswers(bed.Hear(*client)).front().body == "as you leave");
}

TEST_CASE("a client that leaves before its answer was begun: the exchange lives on and ignores it") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"), SocketKind::kTcp);
  client->Reset();
  REQUIRE(bed.http.Until([&] { return bed.Last().leaving == 1; }));
  SUBCASE("answered after that: the connection is gone when it is sent") {
    bed.Last().Say("too late");
    CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
    CHECK(bed.Last().ended == 0);
  }
  SUBCASE("streamed after that") {
    bed.Last().Begin();
    while (bed.Last()->Streaming()) bed.Last()->Write("x");
    CHECK(bed.Last()->Ended());
    CHECK(bed.Last().ended == 1);
    bed.http.Turn();
    CHECK(bed.http.Live() == 0);
  }
}

TEST_CASE("the exchange outlives its connection") {
  auto bed = std::make_unique<LaterBed>();
  const auto client = bed->Ask(Get("/path", "X: y\r\n"));
  const auto taken = std::move(bed->taken.front());
  bed->taken.clear();
  bed.reset();
  CHECK(taken->ended == 1);
  CHECK((*taken)->Ended());
  CHECK((*taken)->Request().path == "/path");
  CHECK((*taken)->Request().Field("x").value_or("") == "y");
  client->Read();
  CHECK(client->Received().empty());
}

TEST_CASE("a client that sends more while it waits does not spin the loop") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"));
  REQUIRE(client->Write("no request\r\n\r\n" + std::string(5000, 'x')) > 5000);
  bed.http.Turn();
  const std::uint64_t before = bed.http.Callbacks();
  const Time end = Now() + milliseconds(50);
  CHECK(bed.http.Until([&] { return Now() > end; }));
  CHECK(bed.http.Callbacks() == before);
  SUBCASE("its leaving is noticed nevertheless") {
    client->Finish();
    CHECK(bed.http.Until([&] { return bed.Last().leaving == 1; }));
    const std::uint64_t then = bed.http.Callbacks();
    const Time later = Now() + milliseconds(50);
    CHECK(bed.http.Until([&] { return Now() > later; }));
    CHECK(bed.http.Callbacks() <= then + 1);
  }
  bed.Last().Say("now");
  CHECK(StatusesOf(bed.Hear(*client)) == std::vector<int>{200, 501});
}

TEST_CASE("a client that waits for its answer is not in the way, whatever else is crowded") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"));
  CHECK(bed.http.Last().Lag(Now() + std::chrono::hours(1)) == Duration(0));
  bed.http.Last().GiveWay();
  bed.http.Turn();
  CHECK(bed.http.Live() == 1);
  bed.Last().Say("here");
  CHECK(StatusesOf(bed.Hear(*client)) == std::vector<int>{200});
}

TEST_CASE("no timeout of HTTP runs while a handler works, and the idle time begins after it") {
  HttpSettings settings;
  settings.header_timeout = milliseconds(20);
  settings.keepalive_timeout = milliseconds(20);
  settings.body_timeout = milliseconds(20);
  settings.send_timeout = milliseconds(20);
  LaterBed bed(settings);
  const auto client = bed.Ask(Get("/a"));
  const Time end = Now() + milliseconds(80);
  CHECK(bed.http.Until([&] { return Now() > end; }));
  REQUIRE(bed.http.Live() == 1);
  bed.Last().Say("here");
  CHECK(StatusesOf(bed.Hear(*client)) == std::vector<int>{200});
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
}

// ---- one session works while another is answered ----

TEST_CASE("a handler that answers another client inside Start mixes nothing up") {
  LaterBed bed;
  const auto waiting = bed.Ask(Get("/wait") + Get("/now", "X: secret\r\n"));
  Taken& first = bed.Last();
  bed.start = [&](Taken& taken) {
    if (first->Open()) first.Say("for the one that waits");
    CHECK(taken->Request().Field("x").value_or("") == "mine");
    CHECK(taken->Request().path == "/post");
    taken.Say("for the one that asks");
  };
  // The first answer is still in the buffer of the worker when the handler runs for the second request.
  const auto asking = bed.Ask(Get("/now", "X: own\r\n") + Get("/post", "X: mine\r\n") + Get("/now"));
  const auto own = ParseAnswers(bed.Hear(*asking));
  REQUIRE(own.size() == 3);
  CHECK(own[0].body == "GET /now [own] ");
  CHECK(own[1].body == "for the one that asks");
  CHECK(own[2].body == "GET /now ");
  const auto others = ParseAnswers(bed.Hear(*waiting));
  REQUIRE(others.size() == 2);
  CHECK(others[0].body == "for the one that waits");
  CHECK(others[1].body == "GET /now [secret] ");
}

TEST_CASE("a broadcast inside Start: pieces for all, in order, ended or not") {
  LaterBed bed;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(bed.Ask(Get("/stream")));
    bed.Last().Begin();
    bed.Last()->Write("0");
  }
  bed.start = [&](Taken& own) {
    for (const auto& taken : bed.taken) {
      if (!taken->exchange->Streaming()) continue;
      CHECK((*taken)->Write("1") > 0);
      (*taken)->Write("2");
      (*taken)->Finish();
    }
    own.Say("sent");
  };
  const auto speaker = bed.Ask(Get("/now") + Get("/speak"));
  CHECK(ParseAnswers(bed.Hear(*speaker)).back().body == "sent");
  for (const auto& client : clients) CHECK(Dechunk(bed.Hear(*client)) == "012");
}

TEST_CASE("a handler that answers another client in OnEnded or OnLeaving") {
  LaterBed bed;
  const auto waiting = bed.Ask(Get("/wait") + Get("/now"));
  Taken& first = bed.Last();
  bed.start = [&](Taken& taken) { taken.on_leaving = [&] { first.Say("somebody leaves"); }; };
  const auto leaver = bed.Ask(Get("/b"));
  leaver->Finish();
  CHECK(bed.http.Until([&] { return !first->Open(); }));
  CHECK(ParseAnswers(bed.Hear(*waiting)).size() == 2);
}

}  // namespace
}  // namespace preforkd::testing
