// What a handler can set, and the head that is made from it.
#include "worker/http/answer/response.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "worker/http/answer/error_page.h"
#include "worker/http/answer/response_head.h"

namespace preforkd::testing {
namespace {

std::string Head(const HttpResponse& response, const http::HeadContext& context) {
  std::array<char, http::kMaxResponseHead> buffer;
  return {buffer.data(), http::WriteHead(response, context, buffer)};
}

TEST_CASE("a whole head") {
  HttpResponse response;
  response.SetContentType("text/plain");
  response.AddHeader("X-A", "b");
  response.Body() = "hello";
  CHECK(
      Head(response, {"DATE", true, 1}) ==
      "HTTP/1.1 200 OK\r\nServer: preforkd\r\nDate: DATE\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
      "X-A: b\r\n\r\n");
  CHECK(Head(response, {"DATE", false, 1}).ends_with("\r\nConnection: close\r\n\r\n"));
  CHECK(Head(response, {"DATE", true, 0}).ends_with("\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_CASE("the line of HSTS, unless the handler has set that field") {
  constexpr std::string_view kLine = "Strict-Transport-Security: max-age=60\r\n";
  const http::HeadContext context{"DATE", true, 1, http::BodyFraming::kLength, kLine};
  HttpResponse response;
  response.AddHeader("X-A", "strict-transport-security: b");
  CHECK(Head(response, context) == "HTTP/1.1 200 OK\r\nServer: preforkd\r\nDate: DATE\r\n" +
                                       std::string(kLine) +
                                       "Content-Length: 0\r\nX-A: strict-transport-security: b\r\n\r\n");
  response.AddHeader("strict-Transport-security", "max-age=1");
  CHECK(Head(response, context).find(kLine) == std::string::npos);
  CHECK(Head(response, context).find("max-age=1\r\n") != std::string::npos);
  response.Clear();
  response.SetStatus(204);
  CHECK(Head(response, context).find(kLine) != std::string::npos);
}

TEST_CASE("fields of a place: the handler's own one wins, but several lines of Vary are one list") {
  AnswerRules rules;
  rules.lines = {{"X-A", "X-A: rule\r\n"}, {"Vary", "Vary: Cookie\r\n"}};
  http::HeadContext context{"DATE", true, 1};
  context.rules = &rules;
  HttpResponse response;
  response.AddHeader("x-a", "own");
  response.AddHeader("Vary", "Accept-Encoding");
  const std::string head = Head(response, context);
  CHECK(head.find("rule") == std::string::npos);
  CHECK(head.find("x-a: own\r\n") != std::string::npos);
  CHECK(head.find("Vary: Cookie\r\n") != std::string::npos);
  CHECK(head.find("Vary: Accept-Encoding\r\n") != std::string::npos);
}

TEST_CASE("fields that HTTP cannot carry, or that are not the handler's") {
  const std::pair<std::string, std::string> rows[] = {
      {"", "a"},
      {"X Y", "a"},
      {"X:", "a"},
      {"X\r\n", "a"},
      {"X", "a\r\nb"},
      {"X", "a\n"},
      {"X", std::string(1, '\0')},
      {"content-length", "1"},
      {"Transfer-Encoding", "chunked"},
      {"Connection", "close"},
      {"Date", "now"},
  };
  for (const auto& [name, value] : rows) {
    CAPTURE(name);
    HttpResponse response;
    response.AddHeader(name, value);
    CHECK(response.Malformed());
    CHECK(response.FieldLines().empty());
    response.Clear();
    CHECK_FALSE(response.Malformed());
  }
}

TEST_CASE("the longest head fits") {
  HttpResponse response;
  response.SetContentType(std::string(1024, 't'));
  while (!response.Malformed()) response.AddHeader("X", std::string(100, 'a'));
  CHECK(Head(response, {std::string(29, 'd'), false, 0}).size() <= http::kMaxResponseHead);
}

TEST_CASE("an error page replaces what was there") {
  HttpResponse response;
  response.Body() = "secret";
  response.AddHeader("Allow", "GET");
  AnswerStatus(response, 405);
  CHECK(response.Status() == 405);
  CHECK(response.Body().find("405 Method Not Allowed") != std::string::npos);
  CHECK(response.Body().find("secret") == std::string::npos);
  CHECK(response.FieldLines() == "Allow: GET\r\n");
}

}  // namespace
}  // namespace preforkd::testing
