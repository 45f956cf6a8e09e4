// Compression of what handlers answer, and what a host or a location says about it.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "tests/loopback/http/place_site.h"
#include "worker/http/http_service.h"

namespace preforkd::testing {
namespace {

const std::string kText(5000, 'x');

class TextHandler final : public RequestHandler {
 public:
  void Start(const HttpRequest& request, HttpResponse& response, Deferral& deferral) override {
    HttpResponse head;
    HttpResponse& answer = request.path.ends_with("/pieces") ? head : response;
    answer.SetContentType("text/plain");
    if (request.path.ends_with("/missing")) answer.SetStatus(404);
    if (request.path.ends_with("/own")) answer.AddHeader("Cache-Control", "max-age=1");
    if (&answer == &response) return response.Body().assign(kText), void();
    const std::shared_ptr<Exchange> exchange = deferral.Take();
    exchange->Begin(std::move(head));
    exchange->Write(kText);
    exchange->Finish();
  }
};

ServiceType TextType() {
  ServiceType type = HttpServiceType();
  type.factory = [](const ServiceConfig& config, WorkerEnv& env) {
    return MakePlacedHttpService(config, env, std::make_unique<TextHandler>());
  };
  return type;
}

// The coding of the answer.
std::string CodingOf(Site& site, const std::string& target, const std::string& host = "a",
                     const std::string& accept = "gzip") {
  const auto client = site.Bed().Connect();
  site.Bed().Exchange(*client, "GET " + target + " HTTP/1.1\r\nHost: " + host +
                                   "\r\nAccept-Encoding: " + accept + "\r\n\r\n");
  const std::string& received = client->Received();
  REQUIRE(received.find("\r\n\r\n") != std::string::npos);
  // The head alone: the body of some is chunked.
  const Answer answer = ParseAnswers(received.substr(0, received.find("\r\n\r\n") + 4), true).at(0);
  const std::string coding = answer.Field("content-encoding");
  CHECK((received.find(kText) != std::string::npos) == coding.empty());
  return coding;
}

TEST_CASE("no-transform in the fields of a place forbids compression") {
  Site site({{"compress", "gzip"}},
            {LocationTable("/cached", {{"cache_control", "max-age=60, No-Transform"}}),
             LocationTable("/header", {{"header", "X-Site: s, cache-control: no-transform"}}),
             LocationTable("/both", {{"cache_control", "max-age=60"}, {"header", "X-Note: no-transform"}})},
            TextType());
  CHECK(CodingOf(site, "/") == "gzip");
  for (const char* target : {"/cached", "/header", "/cached/pieces", "/header/pieces"}) {
    CAPTURE(target);
    CHECK(CodingOf(site, target).empty());
  }
  CHECK(CodingOf(site, "/both") == "gzip");
  CHECK(CodingOf(site, "/both/pieces") == "gzip");
  // Where the field is not sent it forbids nothing.
  CHECK(CodingOf(site, "/cached/own") == "gzip");
  CHECK(CodingOf(site, "/header/own") == "gzip");
  CHECK(CodingOf(site, "/cached/missing") == "gzip");
  CHECK(CodingOf(site, "/header/missing").empty());
}

TEST_CASE("compression is a setting of hosts and locations, taken from what is around them") {
  Site site({{"compress", "gzip"}},
            {LocationTable("/secret", {{"compress", ""}}), LocationTable("/long", {{"compress_min", "6000"}}),
             LocationTable("/json", {{"compress_types", "application/json"}}),
             HostTable("b", {{"compress", "br, gzip"}, {"compress_min", "4000"}},
                       {LocationTable("/own", {{"compress_types", "text/*"}})}),
             HostTable("off", {{"compress", ""}}, {LocationTable("/on", {{"compress", "gzip"}})})},
            TextType());
  CHECK(CodingOf(site, "/") == "gzip");
  CHECK(CodingOf(site, "/pieces") == "gzip");
  for (const char* target : {"/secret", "/secret/pieces", "/long", "/json", "/json/pieces"}) {
    CAPTURE(target);
    CHECK(CodingOf(site, target).empty());
  }
  CHECK(CodingOf(site, "/long/pieces") == "gzip");  // of a size that is not known
  CHECK(CodingOf(site, "/", "b", "br") == "br");
  CHECK(CodingOf(site, "/own", "b", "br") == "br");
  CHECK(CodingOf(site, "/", "a", "br").empty());
  CHECK(CodingOf(site, "/secret", "b", "br").empty());  // a location of the service is in each host
  CHECK(CodingOf(site, "/long", "b", "gzip").empty());
  CHECK(CodingOf(site, "/", "off").empty());
  CHECK(CodingOf(site, "/on", "off") == "gzip");

  Site off({}, {LocationTable("/on", {{"compress", "gzip"}})}, TextType());
  CHECK(CodingOf(off, "/").empty());
  CHECK(CodingOf(off, "/on") == "gzip");
  Site alone({{"compress", "gzip"}}, {}, TextType());
  CHECK(CodingOf(alone, "/") == "gzip");
}

}  // namespace
}  // namespace preforkd::testing
