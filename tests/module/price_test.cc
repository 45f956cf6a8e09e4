// A JSON API with a body.
#include <doctest/doctest.h>

#include <preforkd/testing.hpp>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::Module;
using preforkd::testing::ModulePath;

TEST_CASE("the price of an order") {
  Module m(ModulePath("price"));
  const Answer answer =
      m.post("/price", R"({"items": [{"cents": 250, "count": 2}, {"cents": 99}]})", "application/json");
  CHECK(answer.status == 200);
  CHECK(answer.field("content-type") == "application/json");
  CHECK(answer.body == R"({"items":2,"total_cents":599})");
}

TEST_CASE("what the client got wrong") {
  Module m(ModulePath("price"));
  CHECK(m.post("/price", "{").status == 400);
  CHECK(m.post("/price", "7").body == R"({"error":"there are no items"})");
  CHECK(m.post("/price", R"({"items": [{"cents": -1}]})").body == R"({"error":"an item has no price"})");
  CHECK(m.get("/price").status == 405);
  CHECK(m.problems().empty());
}
