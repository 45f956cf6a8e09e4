// The room, frame by frame in this process: the handshake, messages, what is closed with which code, what
// travels, and clients that read nothing.
#include <doctest/doctest.h>

#include <chrono>
#include <preforkd/testing.hpp>
#include <string>

#include "tests/module/paths.h"
#include "tests/module/websocket/frames.h"

using pfd::testing::Answer;
using pfd::testing::Ask;
using pfd::testing::Client;
using pfd::testing::Fields;
using pfd::testing::Module;
using pfd::testing::Pending;
using preforkd::testing::ModulePath;
using namespace preforkd::testing;  // NOLINT: frames.h
using namespace std::chrono_literals;

namespace {

Fields Handshake() {
  return {{"connection", "keep-alive, Upgrade"},
          {"upgrade", "websocket"},
          {"sec-websocket-version", "13"},
          {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
}

Client Join(Module& m, const std::string& name = "Ada") {
  Pending pending = m.start({"GET", "/room?name=" + name, "", Handshake()});
  REQUIRE(pending.answer().status == 101);
  return m.upgraded(pending);
}

std::string Text(std::string_view text) { return ClientFrame(kText, text); }
std::string Said(std::string_view text) { return ServerFrame(kText, text); }
std::string Closed(int code) { return ServerFrame(kClose, CloseWith(code)); }

// A room that is checked at the end.
struct Room : Module {
  explicit Room(const pfd::testing::Settings& settings = {}, const pfd::testing::ModuleOptions& options = {})
      : Module(ModulePath("websocket/room"), settings, options) {}
  ~Room() {
    for (const std::string& problem : problems()) CHECK_MESSAGE(false, problem);
  }
};

}  // namespace

TEST_CASE("a handshake is answered with 101 and the key of the RFC") {
  Room m;
  const Answer answer = m.ask({"GET", "/room?name=Ada", "", Handshake()});
  CHECK(answer.status == 101);
  CHECK(answer.field("sec-websocket-accept") == kAcceptOfTheExample);
  CHECK(answer.field("upgrade") == "websocket");
}

TEST_CASE("a handshake that is none") {
  Room m;
  const Answer plain = m.get("/room");
  CHECK(plain.status == 426);
  CHECK(plain.field("upgrade") == "websocket");
  Fields fields = Handshake();
  int status = 400;
  SUBCASE("another version") { fields[2].second = "8"; }
  SUBCASE("no version") { fields.erase(fields.begin() + 2); }
  SUBCASE("no key") { fields.pop_back(); }
  SUBCASE("a key of other length") { fields[3].second = "dGhlIHNhbXBsZQ=="; }
  SUBCASE("a key that is no base64") { fields[3].second = "dGhlIHNhbXBsZSBub25j!Q=="; }
  SUBCASE("not for this connection") {
    fields[0].second = "keep-alive";
    status = 426;
  }
  CHECK(m.ask({"GET", "/room", "", fields}).status == status);
  CHECK(m.ask({"POST", "/room", "", Handshake()}).status == 405);
}

TEST_CASE("two guests talk, and plain HTTP speaks to both") {
  Room m;
  Client ada = Join(m, "Ada");
  Client bob = Join(m, "Bob");
  ada.send(Text("hello"));
  CHECK(ada.take() == Said("Ada #1: hello"));
  CHECK(bob.take() == Said("Ada #1: hello"));
  bob.send(ClientFrame(kBinary, std::string("\0\xff", 2)));
  CHECK(ada.take() == ServerFrame(kBinary, std::string("\0\xff", 2)));
  CHECK(bob.take() == ServerFrame(kBinary, std::string("\0\xff", 2)));
  CHECK(m.post("/say", "dinner").body == "2\n");
  CHECK(ada.take() == Said("dinner"));
  CHECK(bob.take() == Said("dinner"));
  CHECK(ada.requests() == 1);
  bob.leave();
  CHECK(m.post("/say", "anyone").body == "1\n");
}

TEST_CASE("messages in frames, in single bytes, with a ping between") {
  Room m;
  Client ada = Join(m);
  ada.send(ClientFrame(kText, "one ", false));
  ada.send(ClientFrame(kPing, "are you there"));
  CHECK(ada.take() == ServerFrame(kPong, "are you there"));
  ada.send(ClientFrame(0, "mess", false));
  ada.send(ClientFrame(0, "age"));
  CHECK(ada.take() == Said("Ada #1: one message"));
  for (const char byte : Text("slow") + Text("ly")) ada.send({&byte, 1});
  CHECK(ada.take() == Said("Ada #2: slow") + Said("Ada #3: ly"));
  const std::string longer(300, 'x');
  const std::string longest(60000, 'y');  // more than the server keeps unused
  ada.send(Text(longer) + Text(longest).substr(0, 40000));
  ada.send(Text(longest).substr(40000));
  CHECK(ada.take() == Said("Ada #4: " + longer) + Said("Ada #5: " + longest));
  CHECK(ada.unread() == 0);
}

TEST_CASE("a close is answered with the same code, and ours ends with the client's") {
  Room m;
  Client ada = Join(m);
  ada.send(ClientFrame(kClose, CloseWith(1000, "enough")) + Text("too late"));
  CHECK(ada.take() == ServerFrame(kClose, CloseWith(1000, "enough")));
  CHECK_FALSE(ada.open());

  Client odd = Join(m);
  odd.send(ClientFrame(kClose, "x"));  // half a code: wslay takes it for none
  CHECK(odd.take() == ServerFrame(kClose, ""));
  CHECK_FALSE(odd.open());

  Client bob = Join(m);
  bob.send(Text("bye") + Text("not heard"));
  CHECK(bob.take() == ServerFrame(kClose, CloseWith(1000, "bye")));
  CHECK(bob.open());
  CHECK_FALSE(bob.travel());
  bob.send(ClientFrame(kClose, CloseWith(1000)));
  CHECK_FALSE(bob.open());

  Client silent = Join(m);
  silent.send(Text("bye"));
  m.advance(11s);
  CHECK_FALSE(silent.open());
}

TEST_CASE("what is against the protocol is closed with the code that says so") {
  Room m;
  Client ada = Join(m);
  std::string sent;
  int code = 1002;
  SUBCASE("no mask") { sent = ServerFrame(kText, "hello"); }
  SUBCASE("an unknown opcode") { sent = ClientFrame(3, "hello"); }
  SUBCASE("an unknown control opcode") { sent = ClientFrame(11, ""); }
  SUBCASE("a reserved bit") { sent = ClientFrame(kText | 0x40, "hello"); }
  SUBCASE("a ping of more than 125 bytes") { sent = ClientFrame(kPing, std::string(126, 'x')); }
  SUBCASE("a ping in pieces") { sent = ClientFrame(kPing, "x", false); }
  SUBCASE("the middle of no message") { sent = ClientFrame(0, "x"); }
  SUBCASE("a message in the middle of another") { sent = ClientFrame(kText, "x", false) + Text("y"); }
  SUBCASE("a close with a code that nobody may send") { sent = ClientFrame(kClose, CloseWith(1005)); }
  SUBCASE("text that is not UTF-8") {
    sent = Text("\xff");
    code = 1007;
  }
  SUBCASE("a message that is too long") {
    sent = Text(std::string(64 * 1024 + 1, 'x'));
    code = 1009;
  }
  SUBCASE("one that is too long in pieces") {
    sent = ClientFrame(kText, std::string(40000, 'x'), false) + ClientFrame(0, std::string(40000, 'x'));
    code = 1009;
  }
  SUBCASE("a head that says 2^63 bytes") {
    sent = std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x12\x34\x56\x78z", 15);
    code = 1009;
  }
  ada.send(sent);
  CHECK(ada.take() == Closed(code));
  CHECK_FALSE(ada.open());
  CHECK(m.log().empty());
}

TEST_CASE("a session keeps its name, its number and half a frame in another worker, of a newer module, too") {
  Room old;
  Room fresh({}, {.generation = 2});
  Client ada = Join(old);
  ada.send(Text("one") + Text("two").substr(0, 3));
  CHECK(ada.take() == Said("Ada #1: one"));
  CHECK(ada.may_park());
  CHECK(ada.unread() == 3);
  REQUIRE(fresh.take(ada));
  ada.send(Text("two").substr(3));
  CHECK(ada.take() == Said("Ada #2: two"));
  CHECK(old.post("/say", "x").body == "0\n");
  CHECK(fresh.post("/say", "x").body == "1\n");
}

TEST_CASE("half a message of several frames, or of a long frame, stays; a worker that leaves says 1001") {
  Room m;
  Client ada = Join(m);
  SUBCASE("of several frames") { ada.send(ClientFrame(kText, "half", false) + ClientFrame(kPing, "")); }
  SUBCASE("of a long frame") { ada.send(Text(std::string(40000, 'x')).substr(0, 33000)); }
  ada.take();
  CHECK(ada.unread() == 0);
  CHECK_FALSE(ada.travel());
  m.retire();
  CHECK(ada.take() == Closed(1001));
}

TEST_CASE("a client that reads nothing is bounded, and disturbs nobody") {
  Room m;
  Client ada = Join(m, "Ada");
  Client slow = Join(m, "Slow");
  slow.stop_reading();
  const std::string line(60000, 'x');
  for (int i = 0; i < 20; ++i) {
    ada.send(Text(line));
    CHECK(ada.take().size() > line.size());
  }
  slow.resume();
  const std::size_t received = slow.take().size();
  CHECK(received > 256 * 1024);
  CHECK(received < 400 * 1024);
  CHECK_FALSE(slow.open());
  CHECK(ada.open());
}

TEST_CASE("an exception ends its own session, not the worker") {
  Room m;
  Client ada = Join(m);
  Client bob = Join(m, "Bob");
  ada.send(Text("throw"));
  CHECK_FALSE(ada.open());
  CHECK(m.logged("as it was told to"));
  bob.send(Text("still here"));
  CHECK(bob.take() == Said("Bob #1: still here"));
}

TEST_CASE("with pings a client that answers stays and is not parked; one that does not is disconnected") {
  Room m(pfd::testing::Settings{{"ping", "30s"}});
  Client ada = Join(m);
  CHECK_FALSE(ada.may_park());
  for (int i = 0; i < 3; ++i) {
    m.advance(31s);
    CHECK(ada.take() == ServerFrame(kPing, ""));
    ada.send(ClientFrame(kPong, ""));
  }
  m.advance(31s);
  m.advance(31s);
  CHECK_FALSE(ada.open());
}
