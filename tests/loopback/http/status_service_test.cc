// The status service and the welcome page through the whole HTTP service.
#include <doctest/doctest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/services/http_service_type.h"
#include "worker/services/status_service.h"

namespace preforkd::testing {
namespace {

Answer Get(HttpBed& bed, std::string_view path, std::string_view fields = "") {
  const auto client = bed.Connect();
  bed.Exchange(*client,
               "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 1);
  return answers.front();
}

PoolRow& ShowMainPool(HttpBed& bed) {
  PoolRow& pool = bed.Env().scoreboard.UsePool(kMainPool);
  pool.used = true;
  pool.name.Write("main");
  return pool;
}

TEST_CASE("health and readiness") {
  HttpBed bed({}, StatusServiceType());
  PoolRow& pool = ShowMainPool(bed);
  CHECK(Get(bed, "/healthz").status == 200);
  CHECK(Get(bed, "/readyz").status == 503);
  bed.Env().row.state = SlotState::kReady;
  CHECK(Get(bed, "/readyz").status == 200);
  CHECK(Get(bed, "/readyz").body == "ready\n");
  PoolRow& app = bed.Env().scoreboard.UsePool(PoolId{1});
  app.used = true;
  app.name.Write("app");
  app.state = PoolState::kDegraded;
  CHECK(Get(bed, "/readyz").status == 503);
  CHECK(Get(bed, "/readyz").body == "not ready: no worker is ready in: app\n");
  app.used = false;
  pool.state = PoolState::kServing;
  bed.Env().scoreboard.Master().state = MasterState::kStopping;
  CHECK(Get(bed, "/readyz").status == 503);
  CHECK(Get(bed, "/healthz").body == "ok\n");
  CHECK(Get(bed, "/other").status == 404);
}

TEST_CASE("status.json in both services, and the welcome page") {
  for (const ServiceType& type : {StatusServiceType(), HttpServiceType()}) {
    HttpBed bed({}, type);
    bed.Env().row.state = SlotState::kReady;
    const Answer status = Get(bed, "/status.json");
    CHECK(status.Field("content-type") == "application/json");
    const auto json = nlohmann::json::parse(status.body);
    CHECK(json["answered_by"]["slot"] == 3);
    CHECK(json["answered_by"]["pid"] == ::getpid());
    REQUIRE(json["workers"].size() == 1);
    CHECK(json["workers"][0]["state"] == "ready");
    CHECK(json["workers"][0]["doing"].get<std::string>().starts_with("GET /status.json from "));
    const Answer page = Get(bed, "/");
    CHECK(page.Field("content-type") == "text/html; charset=utf-8");
    CHECK(page.body.find("status.json") != std::string::npos);
    CHECK(Get(bed, "/nothing").status == 404);
  }
}

TEST_CASE("the dashboard is one page that loads nothing else, and its policy forbids it") {
  HttpBed bed({}, StatusServiceType());
  const Answer page = Get(bed, "/");
  CHECK(page.status == 200);
  CHECK(page.body.find("{{") == std::string::npos);  // all parts are embedded
  for (const char* from_elsewhere : {" src=", "url(", "@import", "style=\"", "onclick", "onload"}) {
    CAPTURE(from_elsewhere);
    CHECK(page.body.find(from_elsewhere) == std::string::npos);
  }
  const std::string policy(page.Field("content-security-policy"));
  CHECK(policy.starts_with("default-src 'none'; script-src 'sha256-"));
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  CHECK(page.Field("cache-control") == "no-cache");
}

TEST_CASE("a browser that has the dashboard does not get it again") {
  HttpBed bed({}, StatusServiceType());
  const std::string tag(Get(bed, "/").Field("etag"));
  REQUIRE(tag.size() > 2);
  const auto ask = [&bed](const std::string& field) {
    return Get(bed, "/", "If-None-Match: " + field + "\r\n");
  };
  CHECK(ask(tag).status == 304);
  CHECK(ask("W/" + tag).status == 304);
  CHECK(ask(tag).body.empty());
  CHECK(ask("\"of another version\"").status == 200);
  CHECK(ask("\"of another version\"\r\nIf-None-Match: " + tag).status == 304);
  CHECK(ask("*").status == 304);
  CHECK(ask("x" + tag).status == 200);  // not a tag, although it contains ours
  CHECK(Get(bed, "/", "If-Match: \"x\"\r\nIf-Match: " + tag + "\r\n").status == 200);
  CHECK(Get(bed, "/", "If-Match: \"x\"\r\n").status == 412);
}

TEST_CASE("the metrics, in the format of Prometheus") {
  HttpBed bed({}, StatusServiceType());
  (void)ShowMainPool(bed);
  const Answer metrics = Get(bed, "/metrics");
  CHECK(metrics.status == 200);
  CHECK(metrics.Field("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(metrics.body.find("\npreforkd_requests_total{pool=\"main\",slot=\"3\"} 0\n") != std::string::npos);
  CHECK(Get(bed, "/metrics").body.find("\npreforkd_requests_total{pool=\"main\",slot=\"3\"} 1\n") !=
        std::string::npos);
}

TEST_CASE("both wait for the client's first bytes") {
  CHECK(HttpServiceType().client_speaks_first);
  CHECK(StatusServiceType().client_speaks_first);
}

}  // namespace
}  // namespace preforkd::testing
