// Pages of one's own with entity tags, the server's own pages and its reports, against the kit.
#include <doctest/doctest.h>

#include <preforkd/testing.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::Module;
using preforkd::testing::ModulePath;

namespace {

class Admin {
 public:
  ~Admin() { CHECK(m.problems().empty()); }
  int Status(std::vector<std::pair<std::string, std::string>> fields) {
    return m.ask({"GET", "/", "", std::move(fields)}).status;
  }
  Module m{ModulePath("admin"), {{"word", "open sesame"}}};
};

}  // namespace

TEST_CASE_FIXTURE(Admin, "a constant page has its type, its fields and its body") {
  const Answer answer = m.get("/");
  CHECK(answer.status == 200);
  CHECK(answer.field("content-type") == "text/html; charset=utf-8");
  CHECK(answer.field("etag") == "\"1\"");
  CHECK(answer.body == "<h1>shop</h1>\n");
}

TEST_CASE_FIXTURE(Admin, "a browser that has the page does not get it again") {
  CHECK(Status({{"If-None-Match", "\"1\""}}) == 304);
  CHECK(Status({{"If-None-Match", "W/\"1\""}}) == 304);
  CHECK(Status({{"If-None-Match", "*"}}) == 304);
  CHECK(Status({{"If-None-Match", "\"0,\" ,\t\"1\" "}}) == 304);
  CHECK(Status({{"If-None-Match", "\"0\""}, {"If-None-Match", "\"1\""}}) == 304);
  CHECK(Status({{"If-None-Match", "\"2\""}}) == 200);
  CHECK(Status({{"If-None-Match", "\"x,\"1\"\""}}) == 200);
  CHECK(Status({{"If-Match", "\"1\""}}) == 200);
  CHECK(Status({{"If-Match", "W/\"1\""}}) == 412);
  CHECK(Status({{"If-Match", ""}}) == 412);
  CHECK(m.ask({"GET", "/", "", {{"If-None-Match", "*"}}}).body.empty());
}

TEST_CASE_FIXTURE(Admin, "the server's page for an error, for all that no other route has") {
  CHECK(m.get("/metrics?word=x").status == 403);
  const Answer none = m.get("/none");
  CHECK(none.status == 404);
  CHECK_FALSE(none.body.empty());
  CHECK(m.ask({"OPTIONS", "*", "", {}}).status == 404);
}

TEST_CASE_FIXTURE(Admin, "reports are what the test says") {
  CHECK(m.get("/ready").body == "ready\n");
  m.set_report(PFD_REPORT_READINESS, "no worker is ready in: app");
  CHECK(m.get("/ready").status == 503);
  CHECK(m.get("/ready").body == "no worker is ready in: app\n");
  m.set_report(PFD_REPORT_METRICS, "x_total 1\n");
  CHECK(m.get("/metrics?word=open+sesame").body == "x_total 1\n");
}
