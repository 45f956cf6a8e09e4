// The greeting: blocking, in the loop, and in C. Routes that do not fit; settings; counters.
#include <doctest/doctest.h>

#include <preforkd/testing.hpp>
#include <stdexcept>

#include "tests/module/paths.h"

using pfd::testing::Answer;
using pfd::testing::Module;
using preforkd::testing::ModulePath;

TEST_CASE("the greeting of README.md") {
  Module m(ModulePath("hello_readme"));
  CHECK(m.get("/hello").body == "hello world\n");
  CHECK(m.get("/hello?name=Ada").body == "hello Ada\n");
  CHECK(m.problems().empty());
}

TEST_CASE("a greeting, blocking") {
  Module m(ModulePath("hello"), {{"greeting", "hi"}});
  const Answer answer = m.get("/hello?x=1&name=Ada%20L+B");
  CHECK(answer.status == 200);
  CHECK(answer.field("content-type") == "text/plain; charset=utf-8");
  CHECK(answer.body == "hi Ada L B\n");
  CHECK(answer.complete);
  CHECK(m.get("/hello").body == "hi world\n");
  CHECK(m.get("/hello?name").body == "hi \n");
  CHECK(m.counter("greetings") == 3);
  CHECK(m.problems().empty());
}

TEST_CASE("more threads have a state each") {
  Module m(ModulePath("hello"), {}, {.threads = 3});
  for (int i = 0; i < 10; ++i) CHECK(m.get("/hello").body == "hello world\n");
  CHECK(m.counter("greetings") == 10);
}

TEST_CASE("a greeting, in the loop") {
  Module m(ModulePath("hello_event"));
  CHECK(m.get("/hello?name=x").body == "hello x\n");
  CHECK(m.get("/hello?name=%zz%4").body == "hello %zz%4\n");
  CHECK(m.problems().empty());
}

TEST_CASE("a greeting, in C") {
  Module m(ModulePath("hello_c"), {{"greeting", "ahoi"}});
  const Answer answer = m.get("/a/../b");
  CHECK(answer.status == 200);
  CHECK(answer.body == "ahoi from C at /b\n");
  CHECK(m.counter("greetings") == 1);
  CHECK(m.problems().empty());
}

TEST_CASE("a path or a method that no route has") {
  Module m(ModulePath("hello_event"));
  CHECK(m.get("/nothing").status == 404);
  CHECK(m.get("/hello/").status == 404);
  const Answer refused = m.post("/hello", "x");
  CHECK(refused.status == 405);
  CHECK(refused.field("Allow") == "GET, HEAD");
  const Answer head = m.ask({"HEAD", "/hello", "", {}});
  CHECK(head.status == 200);
  CHECK(head.body.empty());
}

TEST_CASE("settings are checked") {
  const std::string path = ModulePath("hello");
  CHECK_THROWS_WITH_AS(Module(path, {{"greting", "hi"}}), "the module declares no setting greting",
                       std::invalid_argument);
  CHECK_THROWS_AS(Module(path, {{"greeting", ""}}), std::invalid_argument);
  CHECK_THROWS_AS(Module(path, {{"greeting", std::string(41, 'x')}}), std::invalid_argument);
  CHECK_THROWS_AS(Module(ModulePath("guestbook")), std::invalid_argument);
  CHECK_THROWS_AS(Module(ModulePath("ticks"), {{"interval", "1ms"}}), std::invalid_argument);
  CHECK_THROWS_AS(Module(ModulePath("ticks"), {{"interval", "1"}}), std::invalid_argument);
  CHECK_THROWS_AS(Module(ModulePath("rogue"), {{"start", "badly"}}), std::invalid_argument);
}
