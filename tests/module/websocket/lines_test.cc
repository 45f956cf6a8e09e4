// A connection that a blocking handler switches to another protocol: its session has the state of the loop
// thread. In the kit and in the real server.
#include <doctest/doctest.h>

#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::Client;
using pfd::testing::Fields;
using pfd::testing::Module;
using pfd::testing::Peer;
using pfd::testing::Pending;
using pfd::testing::Server;
using preforkd::testing::ModulePath;

namespace {

const Fields kAsks = {{"connection", "upgrade"}, {"upgrade", "lines"}};

std::string Enter(const std::string& target) {
  return Server::text_of({"GET", target, "", {{"Upgrade", "lines"}}}, "upgrade");
}

}  // namespace

TEST_CASE("in the kit: the handler runs in a thread, the session in the loop") {
  Module m(ModulePath("websocket/lines"), {}, {.threads = 2});
  Pending pending = m.start({"GET", "/enter?name=Ada", "", kAsks});
  CHECK(pending.answer().status == 101);
  Client ada = m.upgraded(pending);
  ada.send("one\ntw");
  REQUIRE(ada.travel());
  ada.send("o\n");
  CHECK(ada.take_line().ends_with(", state 2, line 1: one"));
  CHECK(ada.take_line().ends_with(", state 2, line 2: two"));
  CHECK(m.ask({"GET", "/enter", "", kAsks}).status == 403);
  CHECK(m.get("/enter?name=Bob").status == 426);
  CHECK_THROWS_AS(m.upgraded(m.start({"GET", "/enter?name=Bob"})), std::logic_error);
  CHECK(m.ask({"GET", "/wrong/no-name", "", kAsks}).status == 500);
  CHECK(m.ask({"GET", "/wrong/field", "", kAsks}).status == 500);
  m.retire();
  CHECK(m.problems().empty());
}

TEST_CASE(
    "in the server: bytes behind the request, a reload, the loop thread's own state, and what is wrong") {
  Server server({.module = ModulePath("websocket/lines"), .settings = {{"threads", "2"}}});
  Peer ada = server.connect();
  REQUIRE(ada.send(Enter("/enter?name=Ada") + "one\ntw"));
  const pfd::testing::Answer answer = ada.take_answer();
  CHECK(answer.status == 101);
  CHECK(answer.field("upgrade") == "lines");
  const std::string first = ada.take_until("\n");
  CHECK(first.starts_with("Ada of state "));
  CHECK(first.ends_with(", state 2, line 1: one\n"));
  REQUIRE(server.reload());
  REQUIRE(ada.send("o\n"));
  CHECK(ada.take_until("\n") == first.substr(0, first.find(',')) + ", state 2, line 1: two\n");

  Peer plain = server.connect();
  REQUIRE(plain.send(Server::text_of({"GET", "/enter?name=Bob"}) + Enter("/wrong/no-name") +
                     Enter("/wrong/field") + Enter("/enter?name=Bob")));
  CHECK(plain.take_answer().status == 426);
  CHECK(plain.take_answer().status == 500);
  CHECK(plain.take_answer().status == 500);
  CHECK(plain.take_answer().status == 101);
  CHECK(server.wait_for("request_failed"));
  CHECK(server.stop() == 0);
  CHECK(server.complaints().empty());
}
