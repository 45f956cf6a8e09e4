// Connections that a module takes over from HTTP: 101, what reaches the session, how it travels, and what a
// module or a client may not do.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "tests/loopback/module/blocking_bed.h"
#include "tests/loopback/module/event_bed.h"
#include "tests/loopback/module/protocol_bed.h"
#include "worker/module/http/host_request.h"
#include "worker/module/protocol/host_connection.h"
#include "worker/module/protocol/protocol_session.h"

namespace preforkd::testing {
namespace {

using std::chrono::seconds;

const std::string kAsks =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: chat, lines\r\n\r\n";

// Lines are sent back; the context is the note of the session, which travels and is sent at the word "note".
FakeModule Lines() {
  FakeModule module;
  module.open = [](FakeSession& session, pfd_str context) {
    session.note = Text(context);
    module::HostIdleTimeout(session.connection, static_cast<std::uint64_t>(Duration(seconds(60)).count()));
    return true;
  };
  module.bytes = [](FakeSession& session, std::string_view bytes) {
    if (bytes == "note\n") return Send(session, session.note + "\n"), bytes.size();
    return EchoLines(session, bytes);
  };
  module.pack = [](const FakeSession& session, pfd_luggage& luggage) {
    std::memcpy(luggage.context, session.note.data(), session.note.size());
    luggage.used = session.note.size();
    return 0;
  };
  return module;
}

HttpModuleOptions With(FakeModule& sessions, std::uint32_t flags = 0) {
  return {.flags = flags, .sessions = &sessions};
}

// Behind the head of the answer.
std::string Received(const Client& client) {
  const std::size_t end = client.Received().find("\r\n\r\n");
  return end == std::string::npos ? "no answer" : client.Received().substr(end + 4);
}

// For tests that must not lose the session to a master on a slow machine.
void ParkNothing(HttpModuleBed& bed) {
  Config config = *bed.http->Env().config;
  config.parking.after = Duration(0);
  bed.http->Env().config = std::make_shared<Config>(config);
}

template <class Bed>
bool AwaitReceived(Bed& bed, Client& client, const std::string& wanted) {
  return bed.http->Until([&] {
    client.Read();
    return Received(client) == wanted;
  });
}

std::string TakenOverAt(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
}

// A handler that keeps its request for later, in `kept`.
auto KeepIn(pfd_request*& kept) {
  return [&kept](pfd_request* request) {
    Keep(request);
    kept = request;
  };
}

}  // namespace

TEST_CASE("an event handler hands its connection to a session, with the bytes behind the request") {
  FakeModule lines = Lines();
  Event event(
      [](pfd_request* request) {
        CHECK(TakeOver(request, "CHAT", "ada", {{"X-A", "b"}, {"Content-Type", "text/x"}}) == 0);
      },
      With(lines));
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(kAsks + "one\ntw");
  CHECK(AwaitReceived(event.bed, *client, "one\n"));
  const std::string head = client->Received().substr(0, client->Received().find("\r\n\r\n") + 4);
  CHECK(head.starts_with("HTTP/1.1 101 Switching Protocols\r\nServer: "));
  CHECK(head.ends_with("\r\nX-A: b\r\nUpgrade: CHAT\r\nConnection: upgrade\r\n\r\n"));
  CHECK(head.find("Content-") == std::string::npos);
  CHECK(head.find("Transfer-") == std::string::npos);
  client->Write("o\nnot");
  CHECK(AwaitReceived(event.bed, *client, "one\ntwo\n"));
  client->Write("e\n");
  CHECK(AwaitReceived(event.bed, *client, "one\ntwo\nada\n"));
  CHECK(lines.sessions.at(0)->note == "ada");
  CHECK(event.bed.http->Live() == 1);
  CHECK(event.bed.handled == 1);
  CHECK(event.log.Entries("request_failed").empty());
}

TEST_CASE("a request before it on the same connection is answered first") {
  FakeModule lines = Lines();
  Event event(
      [](pfd_request* request) {
        if (Path(request) == "/") CHECK(Respond(request, "first") == 0);
        if (Path(request) == "/chat") CHECK(TakeOver(request, "chat") == 0);
      },
      With(lines));
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(Get("/") + kAsks + "x\n");
  CHECK(event.bed.http->Until([&] {
    client->Read();
    return client->Received().ends_with("\r\n\r\nx\n");
  }));
  CHECK(client->Received().find("first") < client->Received().find(" 101 "));
  CHECK(lines.sessions.at(0)->note == "absent");
}

TEST_CASE("a blocking handler decides in its thread, and the session runs in the loop") {
  FakeModule lines = Lines();
  Blocking blocking([](pfd_request* request) { CHECK(TakeOver(request, "chat", "ada") == 0); }, With(lines));
  ParkNothing(blocking.bed);
  const auto client = blocking.bed.Ask(kAsks + "one\n");
  CHECK(AwaitReceived(blocking.bed, *client, "one\n"));
  client->Write("note\n");
  CHECK(AwaitReceived(blocking.bed, *client, "one\nada\n"));
}

TEST_CASE("a kept request is taken over later, from the loop, from another session's call") {
  FakeModule lines = Lines();
  std::vector<pfd_request*> kept;
  lines.bytes = [&](FakeSession& session, std::string_view bytes) {
    if (bytes == "let him in\n") {
      CHECK(TakeOver(kept.at(0), "chat") == 0);
      Drop(kept.at(0));
      CHECK(bytes == "let him in\n");  // they are in a buffer that all connections share
    }
    return EchoLines(session, bytes);
  };
  Event event(
      [&](pfd_request* request) {
        if (Path(request) == "/first") {
          CHECK(TakeOver(request, "chat") == 0);
        } else {
          Keep(request);
          kept.push_back(request);
        }
      },
      With(lines));
  ParkNothing(event.bed);
  const auto first = event.bed.Ask(TakenOverAt("/first"));
  const auto second = event.bed.Ask(TakenOverAt("/second"));
  second->Write("I am in\n");
  first->Write("let him in\n");
  CHECK(AwaitReceived(event.bed, *first, "let him in\n"));
  CHECK(AwaitReceived(event.bed, *second, "I am in\n"));
  CHECK(event.bed.gone == 0);
}

TEST_CASE("what was sent behind the request may be more than a session is offered at once") {
  FakeModule lines = Lines();
  std::size_t most = 0;
  std::size_t all = 0;
  lines.bytes = [&](FakeSession& session, std::string_view bytes) {
    most = std::max(most, bytes.size());
    all += bytes.size();
    if (bytes.ends_with('!')) Send(session, "done\n");
    return bytes.size();
  };
  Event event([](pfd_request* request) { CHECK(TakeOver(request, "chat") == 0); }, With(lines));
  const std::string long_line = std::string(60000, 'x') + "!";
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(kAsks + long_line);
  CHECK(AwaitReceived(event.bed, *client, "done\n"));
  CHECK(all == long_line.size());
  CHECK(most <= module::kMaxUnused + 1);
}

TEST_CASE("a session that was taken over travels with its state, and not back into HTTP") {
  FakeModule lines = Lines();
  Event event([](pfd_request* request) { CHECK(TakeOver(request, "chat", "ada") == 0); }, With(lines));
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(kAsks + "one\ntw");
  REQUIRE(AwaitReceived(event.bed, *client, "one\n"));
  event.bed.http->Last().Client().Travel();
  REQUIRE(event.bed.http->Until([&] { return event.bed.http->Travelled() == 1; }));
  CHECK(event.bed.http->LastLuggage().context == "Sada");
  CHECK(event.bed.http->LastLuggage().unread == "tw");
  CHECK_FALSE(event.bed.http->LastLuggage().wake);
  CHECK(lines.closed == 1);
  event.bed.http->Resume();
  client->Write("o\nnote");
  CHECK(AwaitReceived(event.bed, *client, "one\ntwo\n"));
  client->Write("\n");
  CHECK(AwaitReceived(event.bed, *client, "one\ntwo\nada\n"));
  CHECK(lines.sessions.at(0)->note == "ada");
  CHECK(event.bed.handled == 1);
  CHECK(lines.opened == 2);
}

TEST_CASE("a worker that leaves hands a session on that has just been taken over, or retires it") {
  FakeModule lines = Lines();
  int retired = 0;
  bool stays = false;
  SUBCASE("it travels") {}
  SUBCASE("it stays, and is told") { stays = true; }
  if (stays) {
    lines.pack = [](const FakeSession&, pfd_luggage&) { return -1; };
    lines.retire = [&retired](FakeSession& session) {
      ++retired;
      module::HostFinish(session.connection);
    };
  }
  pfd_request* kept = nullptr;
  Event event(KeepIn(kept), With(lines));
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(kAsks);
  REQUIRE(kept != nullptr);
  event.bed.http->Env().retiring = true;
  event.bed.http->Retire();
  event.bed.Post([&] {
    CHECK(TakeOver(kept, "chat", "ada") == 0);
    Drop(kept);
  });
  if (stays) {
    CHECK(event.bed.http->Until([&] {
      client->Read();
      return client->Ended();
    }));
    CHECK(retired == 1);
  } else {
    CHECK(event.bed.http->Until([&] { return event.bed.http->Travelled() == 1; }));
    CHECK(event.bed.http->LastLuggage().context == "Sada");
  }
}

TEST_CASE("a client that does not ask for the protocol gets 426, and its connection stays with HTTP") {
  FakeModule lines = Lines();
  int result = 0;
  Event event(
      [&](pfd_request* request) {
        result = TakeOver(request, "chat", "ada", {{"X-A", "b"}});
      },
      With(lines));
  std::string request = Get("/");
  std::string connection = "upgrade";
  SUBCASE("not at all") {}
  SUBCASE("for another one") {
    request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chats\r\n\r\n";
  }
  SUBCASE("not for this connection") {
    request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nUpgrade: chat\r\n\r\n";
  }
  SUBCASE("in HTTP/1.0") {
    request = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: chat\r\n\r\n";
    connection = "keep-alive, upgrade";
  }
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(request + request);
  REQUIRE(event.bed.Answers(*client, 2));
  for (const Answer& answer : event.bed.answers) {
    CHECK(answer.status == 426);
    CHECK(answer.Field("upgrade") == "chat");
    CHECK(answer.Field("connection") == connection);
    CHECK(answer.Field("x-a").empty());
    CHECK(answer.Field("content-length") == "0");
  }
  CHECK(result == -EPROTO);
  CHECK(lines.opened == 0);
  CHECK(event.log.Entries("request_failed").empty());
}

TEST_CASE("an answer is one: what comes second is refused") {
  FakeModule lines = Lines();
  std::vector<int> results;
  int status = 101;
  HttpModuleBed::Call handle;
  SUBCASE("taken over twice") {
    handle = [&](pfd_request* request) { results = {TakeOver(request, "chat"), TakeOver(request, "chat")}; };
  }
  SUBCASE("answered behind it") {
    handle = [&](pfd_request* request) { results = {TakeOver(request, "chat"), Respond(request, "late")}; };
  }
  SUBCASE("streamed behind it") {
    handle = [&](pfd_request* request) { results = {TakeOver(request, "chat"), Begin(request)}; };
  }
  SUBCASE("taken over behind an answer") {
    status = 200;
    handle = [&](pfd_request* request) { results = {Respond(request, ""), TakeOver(request, "chat")}; };
  }
  SUBCASE("taken over in the middle of an answer") {
    status = 200;
    handle = [&](pfd_request* request) {
      results = {Begin(request), TakeOver(request, "chat")};
      CHECK(End(request) == 0);
    };
  }
  // The client stays until the handler is through: a thread may be behind its first answer by then.
  std::atomic<bool> returned = false;
  const HttpModuleBed::Call whole = [&](pfd_request* request) {
    handle(request);
    returned = true;
  };
  const auto check = [&](auto& bed, CapturedLog& log) {
    lines.opened = 0;
    returned = false;
    const auto client = bed.Ask(kAsks);
    REQUIRE(bed.http->Until([&] {
      client->Read();
      return client->Received().starts_with("HTTP/1.1 " + std::to_string(status)) &&
             lines.opened == (status == 101 ? 1 : 0) && returned;
    }));
    CHECK(log.Entries("request_failed").empty());
    CHECK(results == std::vector<int>{0, -EALREADY});
  };
  {
    Event event(whole, With(lines));
    check(event.bed, event.log);
  }
  {
    Blocking blocking(whole, With(lines));
    check(blocking.bed, blocking.log);
  }
}

TEST_CASE("what cannot be is a 500 and a line in the log") {
  FakeModule lines = Lines();
  HttpModuleOptions options = With(lines);
  int result = 0;
  std::string request = kAsks;
  HttpModuleBed::Call handle = [&](pfd_request* asked) { result = TakeOver(asked, "chat"); };
  SUBCASE("no table of a protocol") { options.sessions = nullptr; }
  SUBCASE("a field with a line break") {
    handle = [&](pfd_request* asked) { result = TakeOver(asked, "chat", "", {{"x", "a\r\nb"}}); };
  }
  SUBCASE("a field of the connection") {
    handle = [&](pfd_request* asked) { result = TakeOver(asked, "chat", "", {{"upgrade", "chat"}}); };
  }
  SUBCASE("no name of a protocol") {
    handle = [&](pfd_request* asked) { result = TakeOver(asked, ""); };
  }
  SUBCASE("a context that cannot travel") {
    handle = [&](pfd_request* asked) {
      result = TakeOver(asked, "chat", std::string(kMaxLuggageBytes, 'x'));
    };
  }
  SUBCASE("a body that has not arrived") {
    options.flags = PFD_PIECES;
    request =
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\nContent-Length: 5\r\n\r\nab";
  }
  Event event(handle, options);
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(request);
  REQUIRE(event.bed.Answers(*client, 1));
  CHECK(event.bed.answers[0].status == 500);
  CHECK(event.bed.answers[0].Field("upgrade").empty());
  CHECK(result == -EINVAL);
  CHECK(lines.opened == 0);
  CHECK(event.log.Entries("request_failed service=module").size() == 1);
}

TEST_CASE("a request with a body is taken over when that has arrived") {
  FakeModule lines = Lines();
  std::string request = "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n";
  SUBCASE("of known length") { request += "Content-Length: 5\r\n\r\nhello"; }
  SUBCASE("in chunks") { request += "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"; }
  {
    Event event([](pfd_request* asked) { CHECK(TakeOver(asked, "chat") == 0); }, With(lines));
    const auto client = event.bed.Ask(request + "x\n");
    CHECK(AwaitReceived(event.bed, *client, "x\n"));
  }
  Event event([](pfd_request* asked) { Keep(asked); }, With(lines, PFD_PIECES));
  event.bed.on_arrived = [](pfd_request* asked) {
    char bytes[16];
    std::int64_t size = 0;
    while ((size = module::HostRead(asked, bytes, sizeof(bytes))) > 0) {
    }
    if (size != 0) return;
    CHECK(TakeOver(asked, "chat") == 0);
    Drop(asked);
  };
  ParkNothing(event.bed);
  const auto client = event.bed.Ask(request + "x\n");
  CHECK(AwaitReceived(event.bed, *client, "x\n"));
}

TEST_CASE("a client that leaves before 101 opens no session") {
  FakeModule lines = Lines();
  pfd_request* kept = nullptr;
  Event event(KeepIn(kept), With(lines));
  ParkNothing(event.bed);
  auto client = event.bed.Ask(kAsks);
  REQUIRE(kept != nullptr);
  client.reset();
  REQUIRE(event.bed.http->Until([&] { return event.bed.gone == 1; }));
  event.bed.Post([&] {
    const int result = TakeOver(kept, "chat");
    CHECK((result == 0 || result == -EPIPE));
    Drop(kept);
  });
  CHECK(event.bed.http->Until([&] { return event.bed.http->Live() == 0; }));
  CHECK(lines.opened == lines.closed);
}

TEST_CASE("a session whose protocol is not served any more is lost, not taken for HTTP") {
  Event event([](pfd_request* request) { Respond(request, "x"); });
  const auto client = event.bed.http->Connect(SocketKind::kUnix, {.unread = Get("/"), .context = "Sada"});
  CHECK(event.bed.http->Until([&] {
    client->Read();
    return client->Ended();
  }));
  CHECK(client->Received().empty());
  CHECK(event.bed.handled == 0);
  CHECK(event.log.Entries("conn_failed cause=protocol").size() == 1);
}

}  // namespace preforkd::testing
