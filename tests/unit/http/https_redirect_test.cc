// Where a plain request is sent when its service is to be used over TLS.
#include "worker/http/answer/https_redirect.h"

#include <doctest/doctest.h>

#include <string>

namespace preforkd::testing {
namespace {

// "STATUS LOCATION"
std::string Redirected(const std::string& host, const std::string& target, std::uint16_t port = 443,
                       HttpMethod method = HttpMethod::kGet) {
  HttpRequest request;
  request.method = method;
  request.target = target;
  request.host = host;
  HttpResponse response;
  AnswerHttpsRedirect(request, port, response);
  REQUIRE_FALSE(response.Malformed());
  const std::string& lines = response.FieldLines();
  const std::string name = "Location: ";
  std::string text = std::to_string(response.Status());
  if (lines.starts_with(name)) text += " " + lines.substr(name.size(), lines.size() - name.size() - 2);
  return text;
}

TEST_CASE("the same host and target, on the other port") {
  CHECK(Redirected("a.example", "/") == "301 https://a.example/");
  CHECK(Redirected("a.example:80", "/b/../c%20d?e=f&g") == "301 https://a.example/b/../c%20d?e=f&g");
  CHECK(Redirected("a.example:", "/b") == "301 https://a.example/b");
  CHECK(Redirected("a.example:8080", "/b", 8443) == "301 https://a.example:8443/b");
  CHECK(Redirected("192.0.2.1:8080", "//b") == "301 https://192.0.2.1//b");
  CHECK(Redirected("[2001:db8::1]", "/b") == "301 https://[2001:db8::1]/b");
  CHECK(Redirected("[2001:db8::1]:80", "/b", 8443) == "301 https://[2001:db8::1]:8443/b");
}

TEST_CASE("an absolute target, and none") {
  CHECK(Redirected("a.example", "http://a.example:80/b?c") == "301 https://a.example/b?c");
  CHECK(Redirected("a.example", "HTTP://a.example") == "301 https://a.example");
  CHECK(Redirected("a.example", "http://a.example?b/c") == "301 https://a.example?b/c");
  CHECK(Redirected("a.example", "/?u=http://b.example/") == "301 https://a.example/?u=http://b.example/");
  CHECK(Redirected("a.example", "*", 443, HttpMethod::kOptions) == "308 https://a.example");
}

TEST_CASE("a client that is to repeat its method is told so") {
  for (const HttpMethod method : {HttpMethod::kGet, HttpMethod::kHead})
    CHECK(Redirected("a", "/", 443, method) == "301 https://a/");
  for (const HttpMethod method : {HttpMethod::kPost, HttpMethod::kPut, HttpMethod::kDelete,
                                  HttpMethod::kPatch, HttpMethod::kOptions, HttpMethod::kTrace})
    CHECK(Redirected("a", "/", 443, method) == "308 https://a/");
}

TEST_CASE("without a host, or with a target that fits in no field, it is an error") {
  CHECK(Redirected("", "/") == "400");
  const std::string location = Redirected("a", "/" + std::string(20'000, 'x'));
  CHECK(location == "301 https://a/" + std::string(20'000, 'x'));
  CHECK(Redirected("a", "/" + std::string(100'000, 'x')) == "414");
}

}  // namespace
}  // namespace preforkd::testing
