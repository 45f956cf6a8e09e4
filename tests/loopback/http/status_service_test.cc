// The status service and the welcome page through the whole HTTP service.
#include <doctest/doctest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/loopback/http/http_bed.h"
#include "worker/http/http_service_type.h"
#include "worker/services/status_service.h"

namespace preforkd::test {
namespace {

Answer Get(HttpBed& bed, std::string_view path) {
  const auto client = bed.Connect();
  bed.Exchange(*client, "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::vector<Answer> answers = ParseAnswers(client->Received());
  REQUIRE(answers.size() == 1);
  return answers.front();
}

TEST_CASE("health and readiness") {
  HttpBed bed({}, StatusServiceType());
  CHECK(Get(bed, "/healthz").status == 200);
  CHECK(Get(bed, "/readyz").status == 503);
  bed.Env().row.state = SlotState::kReady;
  CHECK(Get(bed, "/readyz").status == 200);
  bed.Env().scoreboard.Master().state = MasterState::kStopping;
  CHECK(Get(bed, "/readyz").status == 503);
  CHECK(Get(bed, "/healthz").body == "ok\n");
  CHECK(Get(bed, "/other").status == 404);
}

TEST_CASE("status.json and the page, in both services") {
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
    CHECK(page.body.find("/status.json") != std::string::npos);
    CHECK(page.body.find("http://") == std::string::npos);  // nothing from elsewhere
    CHECK(Get(bed, "/nothing").status == 404);
  }
}

TEST_CASE("both speak second") {
  CHECK(HttpServiceType().client_speaks_first);
  CHECK(StatusServiceType().client_speaks_first);
}

}  // namespace
}  // namespace preforkd::test
