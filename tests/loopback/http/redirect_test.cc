// A service that redirects plain requests to TLS: what its clients get, and that its handler sees none.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/loopback/http/http_bed.h"

namespace preforkd::testing {
namespace {

struct RedirectBed {
  RedirectBed()
      : http(Settings(), [this](const HttpRequest&, HttpResponse&) { ++handled; }), client(http.Connect()) {}

  static HttpSettings Settings() {
    HttpSettings settings;
    settings.redirect_to_https = 8443;
    settings.hsts = std::chrono::hours(1);
    return settings;
  }
  std::vector<Answer> Ask(const std::string& bytes) {
    client->Forget();
    http.Exchange(*client, bytes);
    return ParseAnswers(client->Received());
  }

  int handled = 0;
  HttpBed http;
  std::unique_ptr<Client> client;
};

TEST_CASE("every plain request is redirected, and the connection stays") {
  RedirectBed bed;
  const std::vector<Answer> answers = bed.Ask(
      "GET /a?b HTTP/1.1\r\nHost: x.example:80\r\n\r\n"
      "POST /c HTTP/1.1\r\nHost: x.example\r\nContent-Length: 3\r\n\r\nabc"
      "GET http://y.example/d HTTP/1.1\r\nHost: x.example\r\n\r\n");
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].status == 301);
  CHECK(answers[0].Field("location") == "https://x.example:8443/a?b");
  CHECK(answers[1].status == 308);
  CHECK(answers[1].Field("location") == "https://x.example:8443/c");
  CHECK(answers[2].Field("location") == "https://y.example:8443/d");
  for (const Answer& answer : answers) CHECK(answer.Field("strict-transport-security").empty());
  CHECK(bed.handled == 0);
  CHECK(bed.http.Live() == 1);
}

TEST_CASE("a client that announces a body is answered without it") {
  RedirectBed bed;
  const std::vector<Answer> answers =
      bed.Ask("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].status == 308);
  CHECK(answers[0].Field("connection") == "close");
  CHECK(bed.handled == 0);
}

TEST_CASE("a request without a host gets 400, and what is wrong its own answer") {
  {
    RedirectBed bed;
    const std::vector<Answer> answers = bed.Ask("GET / HTTP/1.0\r\n\r\n");
    REQUIRE(answers.size() == 1);
    CHECK(answers[0].status == 400);
    CHECK(answers[0].Field("location").empty());
  }
  RedirectBed bed;
  const std::vector<Answer> answers = bed.Ask("GET / HTTP/1.1\r\nHost: x\r\nX Y: a\r\n\r\n");
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].status == 400);
  CHECK(bed.handled == 0);
}

}  // namespace
}  // namespace preforkd::testing
