// Bodies of requests whose passwords are checked: none is read before its request is allowed.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/loopback/http/guard_bed.h"

namespace preforkd::testing {
namespace {

TEST_CASE("a client that waits for 100 Continue gets 401 instead, and sends no body") {
  for (const BodyUse use : {BodyUse::kWhole, BodyUse::kPieces}) {
    GuardBed bed;
    bed.use = use;
    const auto client = bed.Ask(Post("Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
    CHECK(client->Received().starts_with("HTTP/1.1 401 "));
    CHECK(bed.calls == 0);
  }
}

TEST_CASE("the handler gets the whole body") {
  GuardBed bed;
  const auto client = bed.Ask(Post(kAnn + "Content-Length: 5\r\n", "hel"));
  bed.bed->Exchange(*client, "lo");
  const std::vector<Answer> answers = bed.Answers(*client, 1);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].body == "ann hello");
}

TEST_CASE("a body that comes in pieces begins when the password was right") {
  GuardBed bed;
  bed.use = BodyUse::kPieces;
  Taken taken;
  bed.inner = [&](const HttpRequest&, HttpResponse&, Deferral& deferral) {
    taken.exchange = deferral.Take();
    taken.exchange->Observe(&taken);
    taken.on_body = [&](std::string_view) {
      if (taken.last > 0) taken.Say(taken.body);
    };
  };
  std::unique_ptr<Client> client;
  bed.Occupy();
  SUBCASE("it is sent at once") {
    client = bed.Ask(Post(kAnn + "Content-Length: 5\r\n", "hello"));
    CHECK(bed.calls == 0);
  }
  SUBCASE("it is sent while the password is checked") {
    client = bed.Ask(Post(kAnn + "Content-Length: 5\r\n", ""));
    bed.bed->Exchange(*client, "hello");
    CHECK(bed.calls == 0);
  }
  SUBCASE("it is sent in chunks") {
    client = bed.Ask(Post(kAnn + "Transfer-Encoding: chunked\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"));
  }
  SUBCASE("the client waits for 100 Continue") {
    client = bed.Ask(Post(kAnn + "Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
    CHECK(client->Received().empty());
    CHECK(bed.bed->Until([&] {
      client->Read();
      return client->Received() == "HTTP/1.1 100 Continue\r\n\r\n";
    }));
    CHECK(bed.calls == 1);
    client->Forget();
    bed.bed->Exchange(*client, "hello");
  }
  const std::vector<Answer> answers = bed.Answers(*client, 1);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].status == 200);
  CHECK(answers[0].body == "hello");
  CHECK(taken.last == 1);
  CHECK(bed.calls == 1);
  // The next request is read from where the body ended.
  bed.use = BodyUse::kWhole;
  bed.inner = [](const HttpRequest&, HttpResponse& response, Deferral&) { response.Body() = "next"; };
  client->Forget();
  bed.bed->Exchange(*client, Get("/", kAnn));
  REQUIRE(ParseAnswers(client->Received()).size() == 1);
  CHECK(ParseAnswers(client->Received())[0].body == "next");
}

TEST_CASE("a whole body is not read before its password was right") {
  GuardBed bed;
  bed.Occupy();
  SUBCASE("a client that waits for 100 Continue gets it when the password was right") {
    const auto client = bed.Ask(Post(kAnn + "Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
    CHECK(client->Received().empty());
    CHECK(bed.bed->Until([&] {
      client->Read();
      return client->Received() == "HTTP/1.1 100 Continue\r\n\r\n";
    }));
    CHECK(bed.calls == 0);  // the handler wants all of it
    client->Forget();
    bed.bed->Exchange(*client, "hello" + Get("/", kAnn));
    const std::vector<Answer> answers = bed.Answers(*client, 2);
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "ann hello");
    CHECK(answers[1].body == "ann ");
  }
  SUBCASE("and 401 if it was wrong, as the last answer") {
    const auto client = bed.Ask(Post(kWrong + "Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
    CHECK(client->Received().empty());
    CHECK(bed.Answers(*client, 1).at(0).status == 401);
    CHECK(client->Received().find("100 Continue") == std::string::npos);
    CHECK(client->Received().find("\r\nConnection: close\r\n") != std::string::npos);
    CHECK(bed.bed->Until([&] {
      client->Read();
      return client->Ended();
    }));
    // It lingers: what the client sends now is discarded.
    client->Write("hello");
    client->Close();
    bed.occupying.clear();
    CHECK(bed.bed->Until([&] { return bed.bed->Live() == 0; }));
  }
  SUBCASE("what is sent at once waits in the socket") {
    const std::string body(1'000'000, 'b');
    const auto client = bed.Ask(Post(kAnn + "Content-Length: 1000000\r\n", ""));
    std::size_t sent = 0;
    for (int turn = 0; turn < 20; ++turn) {
      sent += client->Write(std::string_view(body).substr(sent));
      bed.bed->Turn();
    }
    CHECK(sent < body.size());
    CHECK(bed.calls == 0);
    bed.bed->Exchange(*client, std::string_view(body).substr(sent));
    std::vector<Answer> answers;
    REQUIRE(bed.bed->Until([&] {
      client->Read();
      answers = ParseAnswers(client->Received());
      return answers.size() == 1 && answers[0].status == 200;
    }));
    CHECK((answers[0].body == "ann " + body));
  }
  SUBCASE("behind a wrong one it is discarded, and the connection is kept") {
    const auto client = bed.Ask(Post(kWrong + "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"));
    CHECK(bed.Answers(*client, 1).at(0).status == 401);
    bed.bed->Exchange(*client, "1\r\n!\r\n0\r\n\r\n" + Get("/", kAnn));
    const std::vector<Answer> answers = bed.Answers(*client, 2);
    REQUIRE(answers.size() == 2);
    CHECK(answers[1].body == "ann ");
    CHECK(bed.calls == 1);
  }
  SUBCASE("one that is malformed, too large or never complete") {
    const std::string chunked = kAnn + "Transfer-Encoding: chunked\r\n";
    const auto malformed = bed.Ask(Post(chunked, "x\r\n"));
    const auto large = bed.Ask(Post(chunked, "1000000000\r\n"));
    const auto half = bed.Ask(Post(chunked, "2\r\nhe"));
    CHECK(bed.Answers(*malformed, 1).at(0).status == 400);
    CHECK(bed.Answers(*large, 1).at(0).status == 413);
    half->Close();
    CHECK(bed.bed->Until([&] { return bed.bed->Live() <= 3; }));
    CHECK(bed.calls == 0);
  }
  SUBCASE("the handler takes the exchange, and has the body for as long") {
    std::shared_ptr<Exchange> exchange;
    bed.inner = [&](const HttpRequest&, HttpResponse&, Deferral& deferral) { exchange = deferral.Take(); };
    const auto client = bed.Ask(Post(kAnn + "Content-Length: 5\r\n", "hello"));
    REQUIRE(bed.bed->Until([&] { return exchange != nullptr; }));
    bed.bed->Turn();
    CHECK(exchange->Request().body == "hello");
    CHECK_FALSE(exchange->Request().body_follows);
    CHECK_FALSE(exchange->BodyBegun());  // it can still travel
    CHECK(exchange->Kept().Bytes().ends_with("\r\n\r\nhello"));
    HttpResponse response;
    response.Body() = "later";
    exchange->Answer(std::move(response));
    CHECK(bed.Answers(*client, 1).at(0).body == "later");
  }
}

TEST_CASE("a body in pieces behind a wrong password is not given to the handler") {
  GuardBed bed;
  bed.use = BodyUse::kPieces;
  const auto client = bed.Ask(Post(kWrong + "Content-Length: 5\r\n", "hello") + Get("/"));
  const std::vector<Answer> answers = bed.Answers(*client, 2);
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].status == 401);
  CHECK(answers[1].status == 401);
  CHECK(bed.calls == 0);
}

}  // namespace
}  // namespace preforkd::testing
