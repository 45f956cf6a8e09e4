// Requests whose passwords are checked in a thread, over both ends of a connection.
#include "worker/http/access/access_guard.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/loopback/http/access_lines.h"
#include "tests/loopback/http/later_bed.h"
#include "worker/http/http_service.h"

namespace preforkd::testing {
namespace {

using http::AccessGuard;
using http::AccessRules;

// Ann's password is "secret"; a check takes about 50 ms. One of slow's takes 0.8 s, and more on a busy
// machine.
constexpr const char* kUsers =
    "ann:$2y$10$abcdefghijklmnopqrstuuqflPDzB6gcMhKa1rZqKiun2YGL5sa2u\n"
    "slow:$2y$14$abcdefghijklmnopqrstuuu3YKPHzv.du08CUZBfOZF3yKt5yjPLm\n";
const std::string kAnn = "Authorization: Basic YW5uOnNlY3JldA==\r\n";  // ann:secret
const std::string kWrong = "Authorization: Basic YW5uOndyb25n\r\n";    // ann:wrong
const std::string kBob = "Authorization: Basic Ym9iOnNlY3JldA==\r\n";  // bob:secret
const std::string kChallenge = "Basic realm=\"restricted\", charset=\"UTF-8\"";

std::string Base64(std::string text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  REQUIRE(text.size() % 3 == 0);
  std::string encoded;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t byte = 0; byte < 3; ++byte)
      bits = bits << 8 | static_cast<unsigned char>(text[i + byte]);
    for (int shift = 18; shift >= 0; shift -= 6) encoded += kDigits[bits >> shift & 63];
  }
  return encoded;
}

// Other wrong passwords of ann.
std::string WrongOne(int number) {
  return "Authorization: Basic " + Base64(fmt::format("ann:{:05}", number)) + "\r\n";
}

SocketAddress PeerOf(const std::string& host) {
  SocketAddress address;
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  REQUIRE(::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1);
  std::memcpy(&address.storage, &six, sizeof(six));
  address.length = sizeof(six);
  return address;
}

struct GuardBed;

// What a session will do: asks the guard, with the rules of the request, before the handler.
class GuardedHandler final : public RequestHandler {
 public:
  GuardedHandler(GuardBed& bed, WorkerEnv& env);
  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const override;
  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override;
  bool OnExit() override { return guard_->OnExit(); }

 private:
  GuardBed& bed_;
  std::unique_ptr<AccessGuard> guard_;
};

struct GuardBed {
  GuardBed() {
    std::ofstream(path) << kUsers;
    Settings settings(AccessSettingTable());
    settings.Set("basic_auth", {0, path});
    http::PasswordFiles files;
    rules = AccessRules::Make(settings, files).Value();
    ServiceType type;
    type.factory = [this](const ServiceConfig&, WorkerEnv& env) -> Result<std::unique_ptr<Service>> {
      return MakeHttpService(HttpSettings{}, std::make_unique<GuardedHandler>(*this, env));
    };
    bed = std::make_unique<HttpBed>(std::map<std::string, std::string>{}, type);
  }
  ~GuardBed() { (void)std::remove(path.c_str()); }
  GuardBed(const GuardBed&) = delete;
  GuardBed& operator=(const GuardBed&) = delete;

  std::unique_ptr<Client> Ask(const std::string& bytes) {
    auto client = bed->Connect();
    bed->Exchange(*client, bytes);
    return client;
  }
  // The answers to the client, when there are `count`.
  std::vector<Answer> Answers(Client& client, std::size_t count) {
    CHECK(bed->Until([&] {
      client.Read();
      return ParseAnswers(client.Received()).size() >= count;
    }));
    return ParseAnswers(client.Received());
  }
  // Keeps the thread busy, so that nothing else is checked for a while.
  void Occupy(const std::string& fields = {}) {
    occupying.push_back(Ask(Get("/", "Authorization: Basic " + Base64("slow:wrong__") + "\r\n" + fields)));
  }
  int StatusFor(const std::string& bytes) {
    const auto client = Ask(bytes);
    const std::vector<Answer> answers = Answers(*client, 1);
    return answers.empty() ? 0 : answers[0].status;
  }

  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/users";
  AccessRules rules;
  BodyUse use = BodyUse::kWhole;
  AccessGuard::Then inner = [](const HttpRequest& request, HttpResponse& response, Deferral&) {
    response.Body() = std::string(request.user) + " " + std::string(request.body);
  };
  int calls = 0;  // of `inner`
  std::unique_ptr<HttpBed> bed;
  std::vector<std::unique_ptr<Client>> occupying;
};

GuardedHandler::GuardedHandler(GuardBed& bed, WorkerEnv& env)
    : bed_(bed), guard_(std::move(AccessGuard::Make(env, true)).Value()) {}

BodyUse GuardedHandler::UseOfBody(const HttpRequest& request) const {
  return AccessGuard::DeniesAtOnce(bed_.rules, request) ? BodyUse::kNone : bed_.use;
}

void GuardedHandler::Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) {
  // The peers of all clients of the bed are the same.
  HttpRequest seen = request;
  SocketAddress peer;
  if (const auto name = request.Field("x-peer")) {
    peer = PeerOf(std::string(*name));
    seen.peer = &peer;
  }
  const AccessGuard::Then then = [this](const HttpRequest& allowed, HttpResponse& answer, Deferral& later) {
    ++bed_.calls;
    bed_.inner(allowed, answer, later);
  };
  if (!guard_->Admit(bed_.rules, seen, response, deferral, then)) return;
  request.user = seen.user;
  then(seen, response, deferral);
}

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
  refused = ask(++number, "2001:db8:1::");
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].status == 503);
  CHECK(refused[0].Field("retry-after") == "1");
  for (const auto& client : waiting) {
    const std::vector<Answer> answers = bed.Answers(*client, 1);
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 401);
  }
  CHECK(bed.StatusFor(Get("/", kAnn)) == 200);
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
