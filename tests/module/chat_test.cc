// A protocol of lines: what is said, half lines, silence, and sessions that travel with their names.
#include <doctest/doctest.h>

#include <chrono>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"

using pfd::testing::Client;
using pfd::testing::Module;
using preforkd::testing::ModulePath;
using namespace std::chrono_literals;

TEST_CASE("two clients talk") {
  Module m(ModulePath("chat"));
  Client ada = m.connect();
  Client bob = m.connect();
  CHECK(ada.take() == "welcome\n");
  CHECK(bob.take() == "welcome\n");
  ada.send("name Ada\r\nsay hel");
  CHECK(ada.take() == "you are Ada\n");
  CHECK(ada.unread() == 7);
  ada.send("lo\n");
  CHECK(bob.take_line() == "Ada: hello");
  CHECK(ada.take_line() == "Ada: hello");
  CHECK(ada.requests() == 1);
  bob.send("quit\nsay ignored\n");
  CHECK(bob.take() == "bye\n");
  CHECK_FALSE(bob.open());
  CHECK(ada.take().empty());
  CHECK(m.problems().empty());
}

TEST_CASE("a session travels with its name and half a line") {
  Module old(ModulePath("chat"));
  Module fresh(ModulePath("chat"), {}, {.generation = 2});
  Client ada = old.connect();
  ada.send("name Ada\nsay to");
  ada.take();
  CHECK(ada.may_park());
  REQUIRE(ada.travel());
  REQUIRE(fresh.take(ada));
  ada.send("day\n");
  CHECK(ada.take() == "Ada: today\n");
  old.retire();
  CHECK(ada.open());
  CHECK(old.problems().empty());
  CHECK(fresh.problems().empty());
}

TEST_CASE("a silent client, a long line, one that leaves or shuts down") {
  Module m(ModulePath("chat"));
  Client silent = m.connect();
  m.advance(9min);
  silent.send("name S\n");
  m.advance(9min);
  CHECK(silent.open());
  m.advance(2min);
  CHECK(silent.take() == "welcome\nyou are S\ntoo quiet\n");
  CHECK_FALSE(silent.open());

  Client long_line = m.connect();
  long_line.send(std::string(9000, 'x'));
  CHECK_FALSE(long_line.open());

  Client down = m.connect();
  down.shut_down();
  CHECK_FALSE(down.open());

  Client gone = m.connect();
  gone.leave();
  Client last = m.connect();
  last.send("say anyone?\n");
  CHECK(last.take() == "welcome\nnobody: anyone?\n");
  CHECK(m.problems().empty());
}

TEST_CASE("a client that does not read is not listened to, and does not travel") {
  Module m(ModulePath("chat"));
  Client slow = m.connect();
  slow.take();
  slow.stop_reading();
  slow.send("say one\n");
  slow.send("say two\n");
  CHECK(slow.take().empty());
  CHECK_FALSE(slow.travel());
  slow.resume();
  CHECK(slow.take() == "nobody: one\nnobody: two\n");
  CHECK(slow.travel());
}
