// How requests are answered: order, fields, HEAD, 100-continue, faulty handlers, persistence.
#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/http/http_service.h"

namespace preforkd::testing {
namespace {

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string GetOf(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

Answer OnlyAnswer(const Client& client, bool head_only = false) {
  const std::vector<Answer> answers = ParseAnswers(client.Received(), head_only);
  REQUIRE(answers.size() == 1);
  return answers.front();
}

TEST_CASE("a hundred pipelined requests are answered in order") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += GetOf("/" + std::to_string(i));
  bed.Exchange(*client, requests);
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 100);
  for (int i = 0; i < 100; ++i) {
    const std::string expected = "GET /" + std::to_string(i) + " ";
    CHECK(answers[static_cast<std::size_t>(i)].body == expected);
  }
  CHECK_FALSE(client->Ended());
  CHECK(Get(bed.Env().row.requests) == 100);
}

TEST_CASE("every answer carries Date and Server; HEAD is GET without the body") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  bed.Exchange(*client, kGet);
  const Answer get = OnlyAnswer(*client);
  client->Forget();
  bed.Exchange(*client, "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  const Answer head = OnlyAnswer(*client, true);
  CHECK(get.Field("server") == "preforkd");
  CHECK(get.Field("date").size() == 29);
  CHECK(get.Field("date").ends_with(" GMT"));
  CHECK(get.Field("connection").empty());
  CHECK(get.body == "GET / ");
  CHECK(head.Field("content-length") == std::to_string(std::string("HEAD / abc").size()));
  client->Forget();
  bed.Exchange(*client, kGet);  // at the right byte
  CHECK(OnlyAnswer(*client).body == "GET / ");
}

TEST_CASE("204 and 304 end with their head") {
  for (const int status : {204, 304}) {
    HttpBed bed({}, [status](const HttpRequest&, HttpResponse& response) {
      response.SetStatus(status);
      response.Body() = "must not be sent";
    });
    const auto client = bed.Connect();
    bed.Exchange(*client, kGet);
    const Answer answer = OnlyAnswer(*client);
    CHECK(answer.status == status);
    CHECK(answer.Field("content-length").empty());
    CHECK(client->Received().ends_with("\r\n\r\n"));
  }
}

TEST_CASE("the request as a handler sees it") {
  std::string seen;
  HttpBed bed({}, [&seen](const HttpRequest& request, HttpResponse&) {
    seen = std::string(request.host) + "|" + std::string(request.path) + "|" + std::string(request.query) +
           "|" + std::string(request.target) + "|" + std::string(request.Field("COOKIE").value_or("none")) +
           "|" + std::to_string(request.minor_version);
  });
  const auto client = bed.Connect();
  bed.Exchange(*client, GetOf("/a/./b/../%63?d=%64", "cookie: e\r\n"));
  CHECK(seen == "a|/a/c|d=%64|/a/./b/../%63?d=%64|e|1");
  bed.Exchange(*client, "GET http://other:81?q HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(seen == "other:81|/|q|http://other:81?q|none|1");
}

TEST_CASE("the scoreboard shows the request in progress, and its client") {
  HttpBed* self = nullptr;
  std::string doing;
  HttpBed bed({}, [&](const HttpRequest&, HttpResponse&) {
    doing = self->Env().row.DescribeDoing(ToNanoseconds(Now()));
  });
  self = &bed;
  const auto client = bed.Connect(SocketKind::kTcp);
  bed.Exchange(*client, GetOf("/x?" + std::string(1000, 'y')));
  CHECK(doing.starts_with("GET /x?yyy"));
  CHECK(doing.find(" from 127.0.0.1:") != std::string::npos);
  CHECK(doing.ends_with(" s"));
  CHECK(bed.Env().row.DescribeDoing(ToNanoseconds(Now())).starts_with("nothing; last: GET /x?yyy"));
}

TEST_CASE("100-continue") {
  HttpBed bed({}, Mirror);
  const auto client = bed.Connect();
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  SUBCASE("is sent to a client that waits for it") {
    bed.Exchange(*client, head);
    CHECK(client->Received() == "HTTP/1.1 100 Continue\r\n\r\n");
    client->Forget();
    bed.Exchange(*client, "hi");
    CHECK(OnlyAnswer(*client).body == "POST / hi");
  }
  SUBCASE("is not sent to a client that does not wait") {
    bed.Exchange(*client, head + "hi");
    CHECK(OnlyAnswer(*client).body == "POST / hi");
  }
  SUBCASE("is not sent for a body that will not be read") {
    bed.Exchange(*client,
                 "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n");
    CHECK(OnlyAnswer(*client).status == 413);
    CHECK(client->Ended());
  }
  SUBCASE("is not sent to 1.0") {
    bed.Exchange(*client, "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(client->Received().empty());
  }
}

// Wants bodies for uploads only.
class Uploads final : public HttpHandler {
 public:
  [[nodiscard]] BodyUse UseOfBody(const HttpRequest& request) const override {
    CHECK(request.body.empty());
    CHECK(request.peer != nullptr);
    if (request.path == "/throw") throw std::runtime_error("no");
    const bool upload = request.method == HttpMethod::kPost && request.path == "/upload";
    return upload && request.Field("x-key") == "1" ? BodyUse::kWhole : BodyUse::kNone;
  }
  void Handle(const HttpRequest& request, HttpResponse& response) override {
    if (request.path == "/throw") throw std::runtime_error("no");
    response.SetStatus(request.path == "/upload" ? 200 : 404);
    response.Body().assign(request.body);
  }
};

TEST_CASE("a handler decides which bodies it reads") {
  HttpBed bed(
      {{"body_timeout", "100ms"}},
      ServiceType{[](const ServiceConfig& of_service, WorkerEnv&) -> Result<std::unique_ptr<Service>> {
                    return MakeHttpService(of_service, std::make_unique<Uploads>());
                  },
                  true, CallSets{}, HttpSettingTable()});
  const auto client = bed.Connect();
  const auto post = [](std::string_view path, std::string_view fields = "") {
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n" + std::string(fields) +
           "\r\n";
  };
  SUBCASE("a body that it reads is asked for, and the connection goes on") {
    bed.Exchange(*client, post("/upload", "X-Key: 1\r\n"));
    CHECK(client->Received() == "HTTP/1.1 100 Continue\r\n\r\n");
    client->Forget();
    bed.Exchange(*client, "data");
    CHECK(OnlyAnswer(*client).body == "data");
    CHECK_FALSE(client->Ended());
  }
  SUBCASE("a client that waits with an unread body is answered without it, and the connection closes") {
    bed.Exchange(*client, post("/other"));
    CHECK(OnlyAnswer(*client).status == 404);
    CHECK(OnlyAnswer(*client).Field("connection") == "close");
    CHECK(client->Ended());
  }
  SUBCASE("a body that is there already is not read either") {
    bed.Exchange(*client, post("/upload") + "data" + kGet);
    CHECK(OnlyAnswer(*client).body.empty());
    CHECK(OnlyAnswer(*client).Field("connection") == "close");
    CHECK(client->Ended());
  }
  SUBCASE("an unread body that stops coming ends the connection without another answer") {
    bed.Exchange(*client, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nda");
    CHECK(OnlyAnswer(*client).status == 404);
    CHECK_FALSE(client->Ended());
    CHECK(std::string(bed.Last().GetSession().TravelRefusal()) == "a request body is being received");
    REQUIRE(bed.Until([&] {
      client->Read();
      return client->Ended();
    }));
    CHECK(OnlyAnswer(*client).status == 404);
  }
  SUBCASE("a client whose place is needed while its body is discarded gets no second answer") {
    bed.Exchange(*client, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nda");
    bed.Last().GiveWay();
    bed.Exchange(*client, "");
    CHECK(OnlyAnswer(*client).status == 404);
    CHECK(client->Ended());
  }
  SUBCASE("an unread body is not kept") {
    const std::string piece(100'000, 'x');
    bed.Exchange(*client, "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    for (int i = 0; i < 10; ++i) bed.Exchange(*client, piece);
    CHECK(OnlyAnswer(*client).body.empty());
    client->Forget();
    bed.Exchange(*client, kGet);
    CHECK(OnlyAnswer(*client).status == 404);
  }
  SUBCASE("the handler is not asked about a request without a body") {
    bed.Exchange(*client, std::string(kGet) + kGet);
    CHECK(ParseAnswers(client->Received()).size() == 2);
    CHECK_FALSE(client->Ended());
  }
  SUBCASE("a handler that throws costs one answer") {
    bed.Exchange(*client, post("/throw") + "data");
    CHECK(OnlyAnswer(*client).status == 500);
    client->Forget();
    bed.Exchange(*client, kGet);
    CHECK(OnlyAnswer(*client).status == 404);
  }
  client->Close();
  bed.Turn();
  CHECK(bed.Live() == 0);
}

TEST_CASE("an error that comes before the method is known has no content") {
  HttpSettings config;
  config.header_timeout = std::chrono::milliseconds(20);
  HttpBed bed(config, Mirror);
  for (const char* start : {"HEAD", "HEAD / HTTP/1.1\r\n", "HEA", "H", "\r\nHE"}) {
    CAPTURE(start);
    const auto client = bed.Connect();
    bed.Exchange(*client, start);
    REQUIRE(bed.Until([&] {
      client->Read();
      return client->Ended();
    }));
    CHECK(OnlyAnswer(*client, true).status == 408);
  }
}

TEST_CASE("a body that stops coming, a head that is too long: HEAD gets no content") {
  HttpSettings config;
  config.body_timeout = std::chrono::milliseconds(20);
  config.max_header = 1024;
  config.max_headers = 3;
  HttpBed bed(config, Mirror);
  const auto status_of = [&bed](const std::string& bytes) {
    const auto client = bed.Connect();
    bed.Exchange(*client, bytes);
    REQUIRE(bed.Until([&] {
      client->Read();
      return client->Ended();
    }));
    return OnlyAnswer(*client, true).status;
  };
  const std::string start = "HEAD / HTTP/1.1\r\nHost: a\r\n";
  CHECK(status_of(start + "Content-Length: 5\r\n\r\nhe") == 408);
  CHECK(status_of(start + "X: " + std::string(1024, 'y')) == 431);
  CHECK(status_of(start + "A: a\r\nB: b\r\nC: c\r\n") == 431);
  CHECK(status_of("HEAD /" + std::string(1024, 'y')) == 414);
}

TEST_CASE("a faulty handler costs one answer") {
  HttpBed bed({}, [](const HttpRequest& request, HttpResponse& response) {
    response.Body() = "fine";
    if (request.path == "/throw") throw std::runtime_error("no");
    if (request.path == "/throw-int") throw 7;
    if (request.path == "/split") response.AddHeader("X", "a\r\nSet-Cookie: b");
    if (request.path == "/name") response.AddHeader("X Y", "a");
    if (request.path == "/length") response.AddHeader("Content-Length", "1");
    if (request.path == "/type") response.SetContentType(std::string_view("a\0b", 3));
    if (request.path == "/status") response.SetStatus(99);
    if (request.path == "/much") response.AddHeader("X", std::string(100'000, 'a'));
  });
  const auto client = bed.Connect();
  for (const char* path :
       {"/throw", "/throw-int", "/split", "/name", "/length", "/type", "/status", "/much"}) {
    CAPTURE(path);
    client->Forget();
    bed.Exchange(*client, GetOf(path));
    CHECK(OnlyAnswer(*client).status == 500);
    CHECK(client->Received().find("Set-Cookie") == std::string::npos);
    client->Forget();
    bed.Exchange(*client, kGet);
    CHECK(OnlyAnswer(*client).body == "fine");
  }
}

TEST_CASE("max_requests, and a handler that wants to close, end the connection politely") {
  HttpSettings config;
  config.max_requests = 3;
  HttpBed bed(config, [](const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/bye") response.CloseAfter();
  });
  const auto client = bed.Connect();
  bed.Exchange(*client, std::string(kGet) + kGet + kGet + kGet);
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 3);
  CHECK(answers[1].Field("connection").empty());
  CHECK(answers[2].Field("connection") == "close");
  CHECK(client->Ended());
  const auto other = bed.Connect();
  bed.Exchange(*other, GetOf("/bye"));
  CHECK(OnlyAnswer(*other).Field("connection") == "close");
  CHECK(other->Ended());
}

}  // namespace
}  // namespace preforkd::testing
