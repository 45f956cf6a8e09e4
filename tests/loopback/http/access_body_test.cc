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
