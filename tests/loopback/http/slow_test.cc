// Clients that send or read slowly: one that trickles is closed, one that keeps the rate is served, and no
// journey gives a client more time. After each, the next client of the same worker is served.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/http/idle_context.h"
#include "worker/http/session_wait.h"

namespace preforkd::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

// Sends `bytes` byte by byte, `interval` apart, until they end or the connection does. The clock decides how
// many are due: a slow test catches up.
void Trickle(HttpBed& bed, Client& client, std::string_view bytes, Duration interval) {
  const Time start = Now();
  std::size_t sent = 0;
  CHECK(bed.Until([&] {
    const auto due = static_cast<std::size_t>((Now() - start) / interval);
    if (due > sent && sent < bytes.size()) sent += client.Write(bytes.substr(sent, due - sent));
    client.Read();
    return client.Ended() || sent == bytes.size();
  }));
  (void)bed.Until([&] {
    client.Read();
    return client.Ended() || !client.Received().empty();
  });
}

void CheckNextClient(HttpBed& bed) {
  const auto next = bed.Connect();
  bed.Exchange(*next, kGet);
  const std::vector<Answer> answers = ParseAnswers(next->Received());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].status == 200);
}

struct Row {
  const char* name;
  std::string at_once;
  std::string trickled;
  std::vector<int> statuses;
};

const std::string kBig(1000, 'x');

std::vector<Row> TrickledRows() {
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  return {
      {"a head", "", "GET /" + kBig, {408}},
      {"a head behind an answer", kGet, "GET /" + kBig, {200, 408}},
      {"a pipelined head", std::string(kGet) + "GET /", kBig, {200, 408}},
      {"a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", kBig, {408}},
      {"a body that has begun",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + kBig,
       kBig,
       {408}},
      {"a body behind a permission",
       "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
       kBig,
       {100, 408}},
      {"a pipelined body",
       std::string(kGet) + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
       kBig,
       {200, 408}},
      {"the size of a chunk", chunked, "00000000001", {408}},
      {"the extension of a chunk", chunked + "1;a=", kBig, {408}},
      {"a chunk", chunked + "3e8\r\n", kBig, {408}},
      {"tiny chunks", chunked, "1\r\nx\r\n1\r\nx\r\n1\r\nx\r\n1\r\nx\r\n1\r\nx\r\n1\r\nx\r\n", {408}},
      {"a trailer", chunked + "1\r\nx\r\n0\r\nA: ", kBig, {408}},
  };
}

std::vector<int> StatusesOf(const Client& client) {
  std::vector<int> statuses;
  for (const Answer& answer : ParseAnswers(client.Received())) statuses.push_back(answer.status);
  return statuses;
}

HttpSettings Short(Duration timeout) {
  HttpSettings config;
  config.header_timeout = timeout;
  config.body_timeout = timeout;
  config.send_timeout = timeout;
  return config;
}

}  // namespace

TEST_CASE("a trickling request is ended with 408, at any place in it") {
  HttpBed bed(Short(milliseconds(60)), Mirror);
  for (const Row& row : TrickledRows()) {
    CAPTURE(std::string(row.name));
    const auto client = bed.Connect();
    bed.Exchange(*client, row.at_once);
    const Time start = Now();
    Trickle(bed, *client, row.trickled, milliseconds(20));
    CHECK(bed.Until([&] {
      client->Read();
      return client->Ended();
    }));
    CHECK(StatusesOf(*client) == row.statuses);
    CHECK(Now() - start < seconds(3));
    client->Close();
    CHECK(bed.Until([&] { return bed.Live() == 0; }));
    CheckNextClient(bed);
  }
}

TEST_CASE("a request that stops at any byte is ended in the same way") {
  HttpBed bed(Short(milliseconds(20)), Mirror);
  const std::string request =
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nA: b\r\n\r\n";
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    clients.push_back(bed.Connect());
    clients.back()->Write(request.substr(0, cut));
  }
  CHECK(bed.Until([&] {
    return std::all_of(clients.begin(), clients.end(), [](const auto& client) {
      client->Read();
      return client->Ended();
    });
  }));
  for (const auto& client : clients) CHECK(StatusesOf(*client) == std::vector<int>{408});
  CheckNextClient(bed);
}

TEST_CASE("a client that keeps the rate is served, however long its allowance is over") {
  HttpSettings config = Short(milliseconds(500));
  config.min_rate = 1000;
  HttpBed bed(config, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n");
  const Time start = Now();
  Trickle(bed, *client, std::string(5000, 'x'), std::chrono::microseconds(250));
  CHECK(Now() - start > milliseconds(1000));
  CHECK(StatusesOf(*client) == std::vector<int>{200});
}

TEST_CASE("but a whole body takes no longer than max_body_time, and a head twice header_timeout") {
  HttpSettings config = Short(milliseconds(300));
  config.min_rate = 1000;
  config.max_body_time = milliseconds(600);
  HttpBed bed(config, Mirror);
  for (const char* begin : {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n", "GET /"}) {
    const auto client = bed.Connect();
    bed.Exchange(*client, begin);
    const Time start = Now();
    Trickle(bed, *client, std::string(14'000, 'x'), std::chrono::microseconds(250));
    CHECK(StatusesOf(*client) == std::vector<int>{408});
    CHECK(Now() - start > milliseconds(550));
    CHECK(Now() - start < milliseconds(3000));
  }
}

TEST_CASE(
    "without a minimum rate any byte is progress in a body, and header_timeout is the total of a head") {
  HttpSettings config = Short(milliseconds(300));
  config.min_rate = 0;
  HttpBed bed(config, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n");
  Trickle(bed, *client, std::string(20, 'x'), milliseconds(50));
  CHECK(StatusesOf(*client) == std::vector<int>{200});
  const auto head = bed.Connect();
  bed.Exchange(*head, "GET /");
  Trickle(bed, *head, kBig, milliseconds(10));
  CHECK(StatusesOf(*head) == std::vector<int>{408});
}

// ---- reading ----

namespace {

constexpr std::size_t kLong = 8'000'000;
void AnswerLong(const HttpRequest&, HttpResponse& response) { response.Body().assign(kLong, 'x'); }

}  // namespace

TEST_CASE("a client that reads its answer byte by byte is closed; one that keeps the rate gets it") {
  HttpSettings config = Short(milliseconds(400));
  config.min_rate = 20'000;
  HttpBed bed(config, AnswerLong);
  const auto client = bed.Connect(SocketKind::kTcp);
  const int small = 64 * 1024;  // bytes in the client's socket buffer count as read
  REQUIRE(::setsockopt(client->Fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
  client->Write(kGet);
  Time last = Now();
  std::size_t step = 1;
  Duration pause = milliseconds(50);
  const auto read = [&] {
    if (Now() - last >= pause) {
      client->Read(step);
      last = Now();
    }
  };
  SUBCASE("one byte") {
    CHECK(bed.Until([&] {
      read();
      return bed.Live() == 0;
    }));
    CHECK(client->Received().size() < 1000);
  }
  SUBCASE("at the rate, while the socket never reports room") {
    step = 20'000;
    pause = milliseconds(20);
    const Time start = Now();
    bed.Until([&] {
      read();
      return bed.Live() == 0 || Now() - start > milliseconds(2000);
    });
    CHECK(bed.Live() == 1);
    step = kLong;
    CHECK(bed.Until([&] {
      read();
      return client->Received().size() > kLong;
    }));
  }
}

// ---- journeys ----

TEST_CASE(
    "an idle connection has its time once, however often it travels and whatever it sends that is no "
    "request") {
  HttpSettings config;
  config.keepalive_timeout = seconds(20);
  config.header_timeout = seconds(20);
  HttpBed bed(config, Mirror);
  auto client = bed.Connect();
  bed.Turn();
  Luggage luggage = bed.Last().GetSession().Pack();
  const std::optional<Time> until = http::UnpackIdle(luggage.context).until;
  REQUIRE(until);
  // Each journey is a socket of its own here; for a session it is all the same.
  for (int journey = 1; journey <= 4; ++journey) {
    client = bed.Connect(SocketKind::kUnix, luggage);
    bed.Exchange(*client, "\r\n");
    luggage = bed.Last().GetSession().Pack();
    CHECK(http::UnpackIdle(luggage.context).until == until);
    CHECK(http::UnpackIdle(luggage.context).empty_lines == journey);
  }
  client = bed.Connect(SocketKind::kUnix, luggage);
  SUBCASE("then its empty lines are too many") {
    bed.Exchange(*client, "\r\n");
    CHECK(StatusesOf(*client) == std::vector<int>{400});
  }
  SUBCASE("a request begins again") {
    bed.Exchange(*client, kGet);
    CHECK(StatusesOf(*client) == std::vector<int>{200});
    const http::IdleContext next = http::UnpackIdle(bed.Last().GetSession().Pack().context);
    REQUIRE(next.until);
    CHECK(*next.until > *until);
    CHECK(next.empty_lines == 0);
  }
}

TEST_CASE("half an empty line does not extend the idle time either") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, kGet);
  const auto until = [&] { return http::UnpackIdle(bed.Last().GetSession().Pack().context).until; };
  const std::optional<Time> before = until();
  REQUIRE(before);
  bed.Exchange(*client, "\r");
  REQUIRE(bed.Last().GetSession().TravelRefusal() != nullptr);
  bed.Exchange(*client, "\n");
  CHECK(until() == before);
}

TEST_CASE("a forged time from another worker can only shorten ours, and an expired one stays expired") {
  HttpBed bed({}, Mirror);
  const auto late =
      bed.Connect(SocketKind::kUnix, {"", http::PackIdle({Now() + std::chrono::hours(1000), 0})});
  bed.Turn();
  CHECK(*http::UnpackIdle(bed.Last().GetSession().Pack().context).until < Now() + std::chrono::minutes(2));
  const auto over = bed.Connect(SocketKind::kUnix, {"", http::PackIdle({Now() - seconds(1), 0})});
  CHECK(bed.Until([&] {
    over->Read();
    return over->Ended();
  }));
  CheckNextClient(bed);
}

// ---- crowds ----

TEST_CASE("which client has to give way, and the answer it gets") {
  struct Case {
    const char* name;
    std::string bytes;
    std::vector<int> statuses;
  };
  const std::vector<Case> cases = {
      {"nothing has come", "", {}},
      {"between two requests", kGet, {200}},
      {"half a head", "GET /", {408}},
      {"half a head behind an answer", std::string(kGet) + "GET /", {200, 408}},
      {"half a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi", {408}},
      {"lingering", "BAD\r\n\r\n", {400}},
  };
  HttpBed bed({}, Mirror);
  for (const Case& one : cases) {
    CAPTURE(std::string(one.name));
    const auto client = bed.Connect(SocketKind::kTcp);
    bed.Turn();
    bed.Exchange(*client, one.bytes);
    const Session& session = bed.Last().GetSession();
    CHECK(session.Lag(Now() + seconds(5)) > seconds(4));
    bed.Last().GiveWay();
    CHECK(bed.Live() == 0);
    CHECK(bed.Until([&] {
      client->Read();
      return client->Ended();
    }));
    CHECK(StatusesOf(*client) == one.statuses);
    CheckNextClient(bed);
    bed.Last().Client().Close();
  }
}

TEST_CASE("a client that has just sent something between two requests does not have to give way") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, kGet);
  client->Write(kGet);
  bed.Last().GiveWay();
  REQUIRE(bed.Live() == 1);
  bed.Exchange(*client, "");
  CHECK(StatusesOf(*client) == std::vector<int>{200, 200});
}

TEST_CASE("a client that sends fast does not lag") {
  HttpBed bed({}, Mirror);
  const Time start = Now();
  const auto client = bed.Connect();
  bed.Exchange(*client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
  REQUIRE(bed.Until([&] { return Now() - start > milliseconds(300); }));
  CHECK(bed.Last().GetSession().Lag(Now()) > milliseconds(200));
  bed.Exchange(*client, std::string(500'000, 'x'));
  const Time sent = Now();
  CHECK(bed.Last().GetSession().Lag(sent) < sent - start - milliseconds(200));
}

// ---- rules ----

TEST_CASE("the limit of each kind of waiting") {
  using http::PaceRules;
  using http::WaitFor;
  HttpSettings config;
  config.header_timeout = seconds(1);
  config.keepalive_timeout = seconds(2);
  config.body_timeout = seconds(3);
  config.max_body_time = seconds(4);
  config.send_timeout = seconds(5);
  config.max_send_time = seconds(7);
  config.min_rate = 6;
  CHECK(http::WaitRules(WaitFor::kFirstByte, config) == PaceRules{seconds(1), 0, seconds(1)});
  CHECK(http::WaitRules(WaitFor::kNextRequest, config) == PaceRules{seconds(2), 0, seconds(2)});
  CHECK(http::WaitRules(WaitFor::kHead, config) == PaceRules{seconds(1), 6, seconds(2)});
  CHECK(http::WaitRules(WaitFor::kBody, config) == PaceRules{seconds(3), 6, seconds(4)});
  CHECK(http::WaitRules(WaitFor::kRoom, config) == PaceRules{seconds(5), 6, seconds(7)});
  config.min_rate = 0;
  CHECK(http::WaitRules(WaitFor::kHead, config) == PaceRules{seconds(1), 0, seconds(1)});
}

}  // namespace preforkd::testing
