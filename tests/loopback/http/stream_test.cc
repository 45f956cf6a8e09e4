// Answers in pieces: what is on the wire, a reader that is slow, and how they end.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/loopback/http/later_bed.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPiece = 16 * 1024;

// Writes until the socket takes no more and `above` bytes wait. Returns what waits.
std::uint64_t Fill(Taken& taken, std::uint64_t above) {
  const std::string piece(kPiece, 'p');
  std::uint64_t waiting = 0;
  while (waiting <= above && taken->Streaming()) waiting = taken->Write(piece);
  return waiting;
}

TEST_CASE("the bytes of a streamed answer") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"));
  bed.Last().Begin();
  CHECK(bed.Last()->Streaming());
  const std::string head = bed.Hear(*client);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(head.find("Content-Length") == std::string::npos);
  client->Forget();
  CHECK(bed.Last()->Write("hello") == 0);
  CHECK(bed.Hear(*client) == "5\r\nhello\r\n");
  client->Forget();
  bed.Last()->Write("");  // would be the end
  CHECK(bed.Hear(*client).empty());
  bed.Last()->Write(std::string(26, 'z'));
  CHECK(bed.Hear(*client) == "1a\r\n" + std::string(26, 'z') + "\r\n");
  client->Forget();
  bed.Last()->Finish();
  CHECK(bed.Hear(*client) == "0\r\n\r\n");
  client->Forget();
  bed.http.Exchange(*client, Get("/now"));
  CHECK(ParseAnswers(client->Received()).front().body == "GET /now ");
}

TEST_CASE("a streamed answer that begins, and perhaps ends, inside Start") {
  LaterBed bed;
  std::size_t size = 10;
  bool ends = true;
  SUBCASE("short and complete") {}
  SUBCASE("long and complete") { size = 500'000; }
  SUBCASE("goes on") { ends = false; }
  bed.start = [&](Taken& taken) {
    taken.Begin();
    CHECK(taken->Write(std::string(size, 'x')) == size);
    if (ends) taken->Finish();
  };
  const auto client = bed.Ask(Get("/a") + Get("/now"));
  if (!ends) {
    CHECK(AfterHead(client->Received()) == "a\r\nxxxxxxxxxx\r\n");
    bed.Last()->Finish();
  }
  REQUIRE(bed.http.Until([&] { return bed.Hear(*client).ends_with("GET /now "); }));
  const std::string& received = client->Received();
  CHECK(Dechunk(received.substr(0, received.rfind("HTTP/1.1 200"))) == std::string(size, 'x'));
}

TEST_CASE("an answer without a body has no chunks, whatever is written") {
  LaterBed bed;
  std::string method = "GET";
  int status = 200;
  SUBCASE("HEAD") { method = "HEAD"; }
  SUBCASE("204") { status = 204; }
  SUBCASE("304") { status = 304; }
  const auto client = bed.Ask(method + " /a HTTP/1.1\r\nHost: a\r\n\r\n");
  bed.Last().Begin(status);
  bed.Last()->Write("no body");
  bed.Last()->Finish();
  CHECK(AfterHead(bed.Hear(*client)).empty());
  CHECK((client->Received().find("chunked") == std::string::npos) == (status != 200));
  CHECK_FALSE(client->Ended());
  bed.http.Exchange(*client, Get("/now"));
  CHECK(client->Received().ends_with("GET /now "));
}

TEST_CASE("for HTTP/1.0 the end of the connection is the end of the answer") {
  LaterBed bed;
  const auto client = bed.Ask("GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  bed.Last().Begin();
  bed.Last()->Write("one");
  bed.Last()->Write("two");
  bed.Last()->Finish();
  CHECK(AfterHead(bed.Hear(*client)) == "onetwo");
  CHECK(client->Received().find("Connection: close") != std::string::npos);
  CHECK(client->Received().find("chunked") == std::string::npos);
  CHECK(client->Ended());
}

TEST_CASE("a reader that takes one byte at a time gets every byte") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"));
  bed.Last().Begin();
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string piece(static_cast<std::size_t>(1 + i * 7), static_cast<char>('a' + i % 26));
    all += piece;
    bed.Last()->Write(piece);
  }
  bed.Last()->Finish();
  bed.http.Turn();
  for (std::size_t size = 0; !client->Received().ends_with("\r\n0\r\n\r\n"); ++size) {
    REQUIRE(client->Received().size() == size);
    client->Read(1);
    bed.http.Turn();
  }
  CHECK(Dechunk(client->Received()) == all);
}

// ---- a slow reader ----

TEST_CASE("Write says what waits, and OnRoom comes once when it is below the mark again") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"));
  bed.Last().Begin();
  CHECK(Fill(bed.Last(), Exchange::kMark) > Exchange::kMark);
  CHECK(bed.Last().room == 0);
  REQUIRE(bed.http.Until([&] {
    client->Read();
    return bed.Last().room > 0;
  }));
  for (int i = 0; i < 10; ++i) bed.Hear(*client);
  CHECK(bed.Last().room == 1);
  bed.Last()->Write("x");
  bed.Hear(*client);
  CHECK(bed.Last().room == 1);
  bed.Last()->Finish();
  bed.Hear(*client);
  CHECK(Dechunk(client->Received()).has_value());
}

TEST_CASE("OnRoom also comes for what was written inside Start") {
  LaterBed bed;
  bed.start = [](Taken& taken) {
    taken.Begin();
    CHECK(taken->Write(std::string(100'000, 'x')) > Exchange::kMark);
  };
  const auto client = bed.Ask(Get("/a"), SocketKind::kTcp);
  CHECK(bed.http.Until([&] {
    client->Read();
    return bed.Last().room == 1;
  }));
}

TEST_CASE("a handler that writes on inside OnRoom keeps the order") {
  LaterBed bed;
  std::string all;
  bed.start = [&](Taken& taken) {
    taken.on_room = [&all, &taken] {
      for (std::uint64_t waiting = 0; waiting <= Exchange::kMark;) {
        if (all.size() > 3'000'000) return taken->Finish();
        const std::string piece(10'000, static_cast<char>('a' + all.size() / 10'000 % 26));
        all += piece;
        waiting = taken->Write(piece);
      }
    };
    taken.Begin();
    taken.on_room();
  };
  const auto client = bed.Ask(Get("/a"));
  REQUIRE(bed.http.Until([&] { return bed.Hear(*client).ends_with("\r\n0\r\n\r\n"); }));
  CHECK(Dechunk(client->Received()) == all);
}

TEST_CASE("a handler that never pauses loses the connection, and may not notice at once") {
  LaterBed bed;
  bool inside = false;
  SUBCASE("from the loop") {}
  SUBCASE("inside Start of its own request") { inside = true; }
  const std::string piece(kPiece, 'x');
  std::uint64_t most = 0;
  const auto write = [&](Taken& taken) {
    taken.Begin();
    while (taken->Streaming()) most = std::max(most, taken->Write(piece));
  };
  if (inside) bed.start = write;
  const auto client = bed.Ask(Get("/a"));
  if (!inside) write(bed.Last());
  CHECK(most > Exchange::kMaxWaiting);
  CHECK(most < Exchange::kMaxWaiting + 2 * kPiece);
  CHECK(bed.Last()->Ended());
  CHECK(bed.Last().ended == 1);
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
  CHECK(bed.Last().ended == 1);
  CHECK_FALSE(Dechunk(client->Received()).has_value());
}

TEST_CASE("a reader that stops is disconnected after send_timeout, and the handler is told") {
  HttpSettings settings;
  settings.send_timeout = milliseconds(30);
  LaterBed bed(settings);
  const auto client = bed.Ask(Get("/a"));
  bed.Last().Begin();
  Fill(bed.Last(), 0);
  CHECK(bed.http.Last().Lag(Now() + std::chrono::seconds(1)) > Duration(0));
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
  CHECK(bed.Last().ended == 1);
  CHECK(bed.Last()->Ended());
}

TEST_CASE("a streamed answer that pauses for longer than send_timeout goes on") {
  HttpSettings settings;
  settings.send_timeout = milliseconds(20);
  LaterBed bed(settings);
  const auto client = bed.Ask(Get("/a"));
  bed.Last().Begin();
  bed.Last()->Write("a");
  const Time end = Now() + milliseconds(80);
  CHECK(bed.http.Until([&] { return Now() > end; }));
  bed.Last()->Write("b");
  bed.Last()->Finish();
  CHECK(Dechunk(bed.Hear(*client)) == "ab");
}

// ---- its end ----

TEST_CASE("an answer that is given up is short for the client") {
  LaterBed bed;
  bool inside = false;
  SUBCASE("later") {}
  SUBCASE("inside Start") { inside = true; }
  const auto give_up = [](Taken& taken) {
    taken.Begin();
    taken->Write("half");
    taken->Abandon("the test gives up");
    CHECK_FALSE(taken->Streaming());
  };
  if (inside) bed.start = give_up;
  const auto client = bed.Ask(Get("/a"));
  if (!inside) give_up(bed.Last());
  CHECK(AfterHead(bed.Hear(*client)) == "4\r\nhalf\r\n");
  CHECK(client->Ended());
  CHECK(bed.http.Live() == 0);
  CHECK(bed.Last().ended == 0);
}

TEST_CASE("a client that leaves in the middle of a streamed answer") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"), SocketKind::kTcp);
  bed.Last().Begin();
  bed.Last()->Write("x");
  bed.Hear(*client);
  SUBCASE("FIN: the rest is still sent") {
    client->Finish();
    REQUIRE(bed.http.Until([&] { return bed.Last().leaving == 1; }));
    bed.Last()->Write("y");
    bed.Last()->Finish();
    CHECK(Dechunk(bed.Hear(*client)) == "xy");
    CHECK(bed.Last().ended == 0);
  }
  SUBCASE("RST: the next piece finds out") {
    client->Reset();
    REQUIRE(bed.http.Until([&] { return bed.Last().leaving == 1; }));
    for (int i = 0; i < 10 && bed.Last()->Streaming(); ++i) bed.Last()->Write("y");
    CHECK(bed.Last()->Ended());
    CHECK(bed.Last().ended == 1);
  }
  SUBCASE("RST while the socket is full") {
    Fill(bed.Last(), Exchange::kMark);
    client->Reset();
    REQUIRE(bed.http.Until([&] { return bed.Last().ended == 1; }));
    CHECK(bed.Last()->Ended());
  }
  CHECK(bed.http.Until([&] { return bed.http.Live() == 0; }));
}

TEST_CASE("the exchange may be dropped in each of its calls") {
  LaterBed bed;
  const auto client = bed.Ask(Get("/a"), SocketKind::kTcp);
  bed.Last().on_ended = [&bed] { bed.taken.front()->exchange->Observe(nullptr); };
  bed.Last().Begin();
  client->Reset();
  const std::shared_ptr<Exchange> held = bed.Last().exchange;
  for (int i = 0; i < 100 && held->Streaming(); ++i) {
    held->Write("y");
    bed.http.Turn();
  }
  CHECK(held->Ended());
}

}  // namespace
}  // namespace preforkd::testing
