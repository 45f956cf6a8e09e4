// A long computation whose progress is streamed.
#include <doctest/doctest.h>

#include <preforkd/testing.hpp>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::Module;
using pfd::testing::Pending;
using preforkd::testing::ModulePath;

TEST_CASE("a line at each tenth, and the result") {
  Module m(ModulePath("primes"));
  const Answer answer = m.get("/primes?below=100");
  CHECK(answer.complete);
  CHECK(answer.body.starts_with("below 10: 4\nbelow 20: 8\n"));
  CHECK(answer.body.ends_with("below 90: 24\n25 primes\n"));
}

TEST_CASE("a number that is refused") {
  Module m(ModulePath("primes"), {{"most", "1000"}});
  CHECK(m.get("/primes").status == 400);
  CHECK(m.get("/primes?below=1001").body == "below: 10 to 1000\n");
  CHECK(m.problems().empty());
}

TEST_CASE("the client leaves, and the computation ends") {
  Module m(ModulePath("primes"), {{"most", "1000000000"}});
  Pending client = m.start({"GET", "/primes?below=4000000", "", {}});
  REQUIRE(client.wait_for("below 400000:"));
  client.leave();
  // The thread is free again within the limit, or this would be 504.
  CHECK(m.get("/primes?below=10").status == 200);
  CHECK(m.problems().empty());
}
