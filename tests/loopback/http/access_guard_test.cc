// Requests whose passwords are checked in a thread, over both ends of a connection.
#include "worker/http/access/access_guard.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/loopback/http/access_lines.h"
#include "tests/loopback/http/guard_bed.h"

namespace preforkd::testing {
namespace {

TEST_CASE("without credentials: 401 at once, and the connection is kept") {
  GuardBed bed;
  const auto client = bed.Ask(Get("/") + Get("/", "Authorization: Bearer x\r\n"));
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 2);
  for (const Answer& answer : answers) {
    CHECK(answer.status == 401);
    CHECK(answer.Field("www-authenticate") == kChallenge);
  }
  CHECK_FALSE(client->Ended());
  CHECK(bed.calls == 0);
}

TEST_CASE("an address that is not allowed: 403, whatever the credentials") {
  GuardBed bed;
  bed.rules.networks = NetworkRules({}, {"unix"});
  CHECK(bed.StatusFor(Get("/", kAnn)) == 403);
  CHECK(bed.calls == 0);
  bed.rules.networks = NetworkRules({"unix"}, {});
  CHECK(bed.StatusFor(Get("/", kAnn)) == 200);
}

TEST_CASE("right credentials are checked once, and then known") {
  GuardBed bed;
  const auto client = bed.Ask(Get("/", kAnn));
  REQUIRE(bed.Answers(*client, 1).size() == 1);
  CHECK(bed.Answers(*client, 1)[0].status == 200);
  CHECK(bed.Answers(*client, 1)[0].body == "ann ");
  // At once: a check would take longer.
  bed.bed->Exchange(*client, Get("/", kAnn));
  REQUIRE(ParseAnswers(client->Received()).size() == 2);
  CHECK(ParseAnswers(client->Received())[1].body == "ann ");
  CHECK(bed.calls == 2);
}

TEST_CASE("a wrong password, and a user that there is not, cost a check each") {
  GuardBed bed;
  bed.Occupy();
  std::vector<std::unique_ptr<Client>> clients;
  for (const std::string& fields : {kWrong, kBob}) {
    clients.push_back(bed.Ask(Get("/", fields)));
    CHECK(clients.back()->Received().empty());
  }
  for (const auto& client : clients) {
    const std::vector<Answer> answers = bed.Answers(*client, 1);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 401);
    CHECK(answers[0].Field("www-authenticate") == kChallenge);
    CHECK_FALSE(client->Ended());
  }
  CHECK(bed.calls == 0);
  // The decoy's password opens nothing, and what is known of ann opens nothing for bob.
  CHECK(bed.StatusFor(Get("/", kAnn)) == 200);
  CHECK(bed.StatusFor(Get("/", kBob)) == 401);
  CHECK(bed.StatusFor(Get("/", kWrong)) == 401);
}

TEST_CASE("pipelined requests are answered in order") {
  GuardBed bed;
  const auto client = bed.Ask(Get("/", kAnn) + Get("/") + Get("/", kAnn) + Get("/", kWrong) + Get("/", kAnn));
  const std::vector<Answer> answers = bed.Answers(*client, 5);
  REQUIRE(answers.size() == 5);
  CHECK(answers[0].status == 200);
  CHECK(answers[1].status == 401);
  CHECK(answers[2].status == 200);
  CHECK(answers[3].status == 401);
  CHECK(answers[4].status == 200);
}

TEST_CASE("a handler that answers later still, one that throws, and one whose answer is malformed") {
  GuardBed bed;
  SUBCASE("later") {
    std::shared_ptr<Exchange> exchange;
    bed.inner = [&](const HttpRequest&, HttpResponse&, Deferral& deferral) { exchange = deferral.Take(); };
    const auto client = bed.Ask(Get("/", kAnn));
    REQUIRE(bed.bed->Until([&] { return exchange != nullptr; }));
    bed.bed->Turn();
    client->Read();
    CHECK(client->Received().empty());
    HttpResponse response;
    response.Body() = "later";
    exchange->Answer(std::move(response));
    CHECK(bed.Answers(*client, 1)[0].body == "later");
  }
  SUBCASE("in its call, by the exchange") {
    bed.inner = [&](const HttpRequest&, HttpResponse&, Deferral& deferral) {
      HttpResponse response;
      response.Body() = "inside";
      deferral.Take()->Answer(std::move(response));
    };
    const auto client = bed.Ask(Get("/", kAnn) + Get("/", kAnn));
    const std::vector<Answer> answers = bed.Answers(*client, 2);
    REQUIRE(answers.size() == 2);
    CHECK(answers[0].body == "inside");
    CHECK(answers[1].body == "inside");
  }
  SUBCASE("throws") {
    bed.inner = [](const HttpRequest&, HttpResponse&, Deferral&) { throw std::runtime_error("the test's"); };
    CHECK(bed.StatusFor(Get("/", kAnn)) == 500);
  }
  SUBCASE("throws after it has taken the exchange") {
    bed.inner = [](const HttpRequest&, HttpResponse&, Deferral& deferral) {
      (void)deferral.Take();
      throw 1;
    };
    CHECK(bed.StatusFor(Get("/", kAnn)) == 500);
  }
  SUBCASE("malformed") {
    bed.inner = [](const HttpRequest&, HttpResponse& response, Deferral&) {
      response.AddHeader("A", "b\r\nc");
    };
    CHECK(bed.StatusFor(Get("/", kAnn)) == 500);
  }
}

TEST_CASE("a handler is told that the client has left while its password was checked") {
  GuardBed bed;
  bed.Occupy();
  Taken taken;
  bool streams = false;
  std::string sent = Get("/", kAnn);
  SUBCASE("it answers later") {}
  SUBCASE("it has begun to stream") { streams = true; }
  SUBCASE("the request has a body") { sent = Post(kAnn + "Content-Length: 5\r\n", "hello"); }
  bed.inner = [&](const HttpRequest& request, HttpResponse&, Deferral& deferral) {
    taken.exchange = deferral.Take();
    taken.exchange->Observe(&taken);
    taken.body = request.body;
    if (streams) taken.Begin();
    CHECK(taken.leaving == 0);  // not inside its call
  };
  const auto client = bed.Ask(sent);
  client->Finish();
  bed.bed->Turn();
  CHECK(bed.calls == 0);
  REQUIRE(bed.bed->Until([&] { return bed.calls == 1; }));
  bed.bed->Turn();
  CHECK(taken.leaving == 1);
  CHECK(taken.ended == 0);
  CHECK(taken.body == (sent.ends_with("hello") ? "hello" : ""));
  if (streams) {
    taken->Write("late");
    taken->Finish();
  } else {
    taken.Say("late");
  }
  bed.bed->Turn();
  client->Read();
  CHECK(client->Received().find("late") != std::string::npos);
  CHECK(taken.leaving == 1);
}

TEST_CASE("the same credentials at the same time are checked once") {
  GuardBed bed;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(bed.Ask(Get("/", kAnn)));
  for (const auto& client : clients) {
    const std::vector<Answer> answers = bed.Answers(*client, 1);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 200);
  }
}

TEST_CASE("one client has few checks, and all together a bounded number") {
  GuardBed bed;
  std::vector<std::unique_ptr<Client>> waiting;
  const auto ask = [&](int number, const std::string& peer) {
    auto client = bed.Ask(Get("/", WrongOne(number) + "X-Peer: " + peer + "\r\n"));
    const std::vector<Answer> answers = ParseAnswers(client->Received());
    if (answers.empty()) waiting.push_back(std::move(client));
    return answers;
  };
  bed.Occupy("X-Peer: 2001:db8:0:1::1\r\n");
  int number = 0;
  for (int i = 2; i <= 4; ++i) CHECK(ask(++number, fmt::format("2001:db8:0:1::{}", i)).empty());
  std::vector<Answer> refused = ask(++number, "2001:db8:0:1:8000::");
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].status == 429);
  CHECK(refused[0].Field("retry-after") == "1");
  for (int i = 4; i < 16; ++i) CHECK(ask(++number, fmt::format("2001:db8:0:{}::", i)).empty());
  // The first client has three waiting: two of them give way, and then all have one.
  for (int i = 1; i <= 2; ++i) CHECK(ask(++number, fmt::format("2001:db8:1:{}::", i)).empty());
  refused = ask(++number, "2001:db8:1:3::");
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].status == 503);
  CHECK(refused[0].Field("retry-after") == "1");
  int displaced = 0;
  for (const auto& client : waiting) {
    const std::vector<Answer> answers = bed.Answers(*client, 1);
    REQUIRE(answers.size() == 1);
    if (answers[0].status == 503)
      ++displaced;
    else
      CHECK(answers[0].status == 401);
  }
  CHECK(displaced == 2);
  CHECK(bed.StatusFor(Get("/", kAnn)) == 200);
}

TEST_CASE("clients with many wrong passwords do not shut out another one, which has its turn soon") {
  GuardBed bed;
  const auto peer = [](int client) { return fmt::format("X-Peer: 2001:db8:0:{}::1\r\n", client); };
  bed.Occupy(peer(1));
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 1; i < 16; ++i) waiting.push_back(bed.Ask(Get("/", WrongOne(i) + peer(1 + i / 4))));
  for (const auto& client : waiting) REQUIRE(client->Received().empty());
  // The newest of a client with four gives way.
  const auto newcomer = bed.Ask(Get("/", kAnn + peer(9)));
  CHECK(newcomer->Received().empty());
  const auto answered = [&] {
    std::vector<int> statuses;
    for (const auto& client : waiting) {
      client->Read();
      for (const Answer& answer : ParseAnswers(client->Received())) statuses.push_back(answer.status);
    }
    return statuses;
  };
  CHECK(bed.bed->Until([&] { return !answered().empty(); }));
  REQUIRE(answered().size() == 1);
  CHECK(answered().front() == 503);
  waiting[6]->Read();  // of client 2, whose four are 4 to 7
  CHECK(ParseAnswers(waiting[6]->Received()).at(0).Field("retry-after") == "1");
  const std::vector<Answer> answers = bed.Answers(*newcomer, 1);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].status == 200);
  // Before it: slow's, and one of each of the four others. The next one may have been answered meanwhile.
  CHECK(answered().size() >= 5);
  CHECK(answered().size() <= 7);
  for (const auto& client : waiting) CHECK(bed.Answers(*client, 1).size() == 1);
}

TEST_CASE("a check that gives way is one that no other client waits for") {
  GuardBed bed;
  const auto peer = [](int client) { return fmt::format("X-Peer: 2001:db8:0:{}::1\r\n", client); };
  bed.Occupy(peer(1));
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 1; i < 16; ++i) waiting.push_back(bed.Ask(Get("/", WrongOne(i) + peer(1 + i / 4))));
  // Number 7 is the newest of client 2, which is the first with four.
  const auto joined = bed.Ask(Get("/", WrongOne(7) + peer(8)));
  const auto newcomer = bed.Ask(Get("/", WrongOne(16) + peer(9)));
  std::vector<int> refused;
  CHECK(bed.bed->Until([&] {
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      waiting[i]->Read();
      const std::vector<Answer> answers = ParseAnswers(waiting[i]->Received());
      if (!answers.empty() && answers[0].status == 503) refused.push_back(static_cast<int>(i) + 1);
    }
    return !refused.empty();
  }));
  CHECK(refused == std::vector<int>{6});
  for (Client* client : {joined.get(), newcomer.get(), waiting[6].get()}) {
    const std::vector<Answer> answers = bed.Answers(*client, 1);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 401);
  }
}

TEST_CASE("clients that leave keep no place") {
  GuardBed bed;
  bed.Occupy();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(bed.Ask(Get("/", WrongOne(i))));
  CHECK(bed.StatusFor(Get("/", WrongOne(4))) == 429);
  for (const auto& client : clients) client->Close();
  CHECK(bed.bed->Until([&] { return bed.bed->Live() == 2; }));
  CHECK(bed.StatusFor(Get("/", kAnn)) == 200);
}

TEST_CASE("the access log has the user, and nobody's name that was not checked") {
  GuardBed bed;
  {
    AccessLines lines(*bed.bed);
    (void)bed.StatusFor(Get("/first", kAnn));
    (void)bed.StatusFor(Get("/known", kAnn));
    (void)bed.StatusFor(Get("/wrong", kWrong));
    (void)bed.StatusFor(Get("/none"));
    const auto read = lines.Read<nlohmann::json>();
    REQUIRE(read.size() == 4);
    CHECK(read[0]["user"] == "ann");
    CHECK(read[1]["user"] == "ann");
    CHECK_FALSE(read[2].contains("user"));
    CHECK_FALSE(read[3].contains("user"));
    bed.bed->Env().access = nullptr;
  }
}

TEST_CASE("a service that ends while a password is checked") {
  GuardBed bed;
  bed.Occupy();
  const auto client = bed.Ask(Get("/", kAnn));
  const auto other = bed.Ask(Get("/", kWrong));
  CHECK(bed.calls == 0);
}

}  // namespace
}  // namespace preforkd::testing
