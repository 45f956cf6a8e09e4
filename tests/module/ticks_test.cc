// Server-sent events: time that is advanced, a client that leaves, one that comes again.
#include <doctest/doctest.h>

#include <chrono>
#include <preforkd/testing.hpp>

#include "tests/module/paths.h"

using pfd::testing::Module;
using pfd::testing::Pending;
using preforkd::testing::ModulePath;
using namespace std::chrono_literals;

TEST_CASE("an event each interval, until the client leaves") {
  Module m(ModulePath("ticks"), {{"interval", "10m"}});
  Pending client = m.start({"GET", "/ticks", "", {}});
  CHECK(client.so_far().field("content-type") == "text/event-stream");
  CHECK(client.so_far().body == "id: 1\ndata: tick 1\n\n");
  m.advance(20min);
  CHECK(client.so_far().body == "id: 1\ndata: tick 1\n\nid: 2\ndata: tick 2\n\nid: 3\ndata: tick 3\n\n");
  CHECK(m.counter("events") == 3);
  client.leave();
  m.advance(1h);
  CHECK(m.counter("events") == 3);
  CHECK(m.logged("has left after event 4"));
  CHECK(m.problems().empty());
}

TEST_CASE("a client comes again") {
  Module m(ModulePath("ticks"));
  Pending client = m.start({"GET", "/ticks", "", {{"Last-Event-ID", "41"}}});
  CHECK(client.so_far().body == "id: 42\ndata: tick 42\n\n");
  client.leave();
  m.advance(1s);
}
