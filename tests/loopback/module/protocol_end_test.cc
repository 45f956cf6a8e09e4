// How a connection of a module's own protocol ends: finished, left, refused, through a fault of the module.
#include <doctest/doctest.h>

#include <cerrno>
#include <stdexcept>
#include <string>

#include "tests/loopback/module/protocol_bed.h"
#include "worker/module/host/host_loop.h"
#include "worker/module/protocol/host_connection.h"
#include "worker/module/protocol/protocol_service.h"
#include "worker/module/protocol/protocol_session.h"

namespace preforkd::testing {
namespace {

using module::HostFinish;
using std::chrono::milliseconds;

// ---- the end ----

TEST_CASE("finish sends everything, and then ends without RST although the client has sent more") {
  FakeModule module;
  module.bytes = [](FakeSession& session, std::string_view bytes) {
    Send(session, std::string(kLarge, 'x'));
    HostFinish(session.connection);
    CHECK(Send(session, "too late") == -EPIPE);
    return bytes.size();
  };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect(SocketKind::kTcp);
  client->Write("quit\n");
  bed.Http().Turn();
  client->Write(std::string(100'000, 'y'));
  CHECK(AwaitEnd(bed, *client));
  const bool same = client->Received() == std::string(kLarge, 'x');  // megabytes: not for the test's output
  CHECK(same);
  CHECK(module.offered.size() == 1);
  CHECK(module.closed == 0);
  client->Close();
  CHECK(bed.Http().Until([&] { return bed.Http().Live() == 0; }));
  CHECK(module.closed == 1);
}

TEST_CASE("a client that goes on sending after the end is closed after a while") {
  FakeModule module;
  module.bytes = [](FakeSession& session, std::string_view bytes) {
    HostFinish(session.connection);
    return bytes.size();
  };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "x");
  CHECK(client->Ended());
  CHECK(bed.Http().Live() == 1);
  CHECK(bed.Http().Until([&] { return bed.Http().Live() == 0; }));
  CHECK(module.closed == 1);
}

TEST_CASE("a client that shuts down its sending side is finished, or answered if the module wants") {
  FakeModule module = Echo();
  int ended = 0;
  SUBCASE("NULL") {
    ModuleBed bed(module);
    const auto client = bed.Http().Connect();
    client->Write("last\n");
    client->Finish();
    CHECK(AwaitEnd(bed, *client));
    CHECK(client->Received() == "last\n");
    CHECK(bed.Http().Live() == 0);
  }
  SUBCASE("an answer") {
    module.ended = [&ended](FakeSession& session) {
      ++ended;
      Send(session, "bye");
      HostFinish(session.connection);
    };
    ModuleBed bed(module);
    const auto client = bed.Http().Connect();
    client->Write("last\nhalf");
    client->Finish();
    CHECK(AwaitEnd(bed, *client));
    CHECK(client->Received() == "last\nbye");
    CHECK(bed.Http().Live() == 0);
    CHECK(ended == 1);
  }
  SUBCASE("an answer that comes later") {
    module.ended = [&ended](FakeSession&) { ++ended; };
    module.timeout = [](FakeSession& session) {
      Send(session, "later");
      HostFinish(session.connection);
    };
    module.open = [](FakeSession& session, pfd_str) {
      module::HostIdleTimeout(session.connection, 50'000'000);
      return true;
    };
    ModuleBed bed(module);
    const auto client = bed.Http().Connect();
    client->Finish();
    bed.Http().Turn();
    const std::uint64_t before = Get(bed.Http().Env().row.callbacks);
    bed.Http().Turn();
    CHECK(Get(bed.Http().Env().row.callbacks) == before);  // its end does not wake the loop again and again
    CHECK(AwaitEnd(bed, *client));
    CHECK(client->Received() == "later");
    CHECK(ended == 1);
  }
  CHECK(module.closed == 1);
}

TEST_CASE("a client that leaves is closed once, whatever it was doing") {
  FakeModule module;
  module.bytes = [](FakeSession& session, std::string_view bytes) {
    Send(session, std::string(kLarge, 'x'));
    return bytes.size();
  };
  ModuleBed bed(module);
  for (const bool speaks : {false, true}) {
    for (const bool resets : {false, true}) {
      CAPTURE(speaks);
      CAPTURE(resets);
      const auto client = bed.Http().Connect(SocketKind::kTcp);
      bed.Http().Turn();
      if (speaks) client->Write("go");
      bed.Http().Turn();
      if (resets)
        client->Reset();
      else
        client->Close();
      CHECK(bed.Http().Until([&] { return bed.Http().Live() == 0; }));
      CHECK(module.closed == module.opened);
    }
  }
  CHECK(module.opened == 4);
}

TEST_CASE("a session that is sent to after its client has gone is told, and closed once") {
  FakeModule module;
  module.bytes = [](FakeSession&, std::string_view bytes) { return bytes.size(); };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect(SocketKind::kTcp);
  bed.Http().Turn();
  FakeSession* const session = module.sessions.at(0);
  REQUIRE(Send(*session, "hello") == 0);
  client->Reset();
  std::int64_t result = 0;
  // From outside of any callback of its own, and before the loop has seen the reset.
  for (int i = 0; i < 1000 && result == 0; ++i) result = Send(*session, "hello");
  CHECK(result == -EPIPE);
  CHECK(Send(*session, "hello") == -EPIPE);
  CHECK(module.closed == 0);
  CHECK(bed.Http().Until([&] { return bed.Http().Live() == 0; }));
  CHECK(module.closed == 1);
}

TEST_CASE("close() may send to the others, and not to the one that ends") {
  FakeModule module = Echo();
  std::int64_t to_itself = 0;
  module.close = [&](FakeSession& session) {
    to_itself = Send(session, "me");
    HostFinish(session.connection);
    for (FakeSession* other : module.sessions) Send(*other, "one has left\n");
  };
  ModuleBed bed(module);
  const auto stays = bed.Http().Connect();
  const auto leaves = bed.Http().Connect();
  bed.Http().Turn();
  leaves->Close();
  bed.Http().Exchange(*stays, "");
  CHECK(stays->Received() == "one has left\n");
  CHECK(to_itself == -EPIPE);
  bed.Leave();
  CHECK(module.opened == 2);
  CHECK(module.closed == 2);
}

TEST_CASE("a client that the module refuses gets what was sent to it, and there is nothing to close") {
  FakeModule module;
  std::string reason;
  module.open = [&reason](FakeSession& session, pfd_str) {
    if (!reason.empty()) Send(session, reason);
    return false;
  };
  ModuleBed bed(module);
  for (const char* text : {"", "full\n"}) {
    reason = text;
    const auto client = bed.Http().Connect();
    client->Write("unread");
    bed.Http().Turn();
    CHECK(AwaitEnd(bed, *client));
    CHECK(client->Received() == text);
    client->Close();
    CHECK(bed.Http().Until([&] { return bed.Http().Live() == 0; }));
  }
  CHECK(module.closed == 0);
  CHECK(module.offered.empty());
}

TEST_CASE("the worker leaves: every session is closed") {
  FakeModule module = Echo();
  ModuleBed bed(module);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(bed.Http().Connect());
  bed.Http().Turn();
  CHECK(module.opened == 5);
  bed.Leave();
  CHECK(module.closed == 5);
}

// ---- misbehaviour ----

// One of two clients has a session that fails in the function `where`.
void CheckException(const std::string& where) {
  CAPTURE(where);
  const CapturedLog log;
  FakeModule module;
  const auto fail = [&where](const FakeSession& session, const char* name) {
    if (where == name && session.note == "bad") throw std::runtime_error("told to");
  };
  int opens = 0;
  module.open = [&](FakeSession& session, pfd_str) {
    session.note = ++opens == 1 ? "good" : "bad";
    if (where == "timeout" && session.note == "bad") module::HostDeadline(session.connection, 1'000'000);
    fail(session, "open");
    return true;
  };
  module.bytes = [&](FakeSession& session, std::string_view bytes) {
    fail(session, "bytes");
    return EchoLines(session, bytes);
  };
  module.ended = [&](FakeSession& session) { fail(session, "ended"); };
  module.timeout = [&](FakeSession& session) { fail(session, "timeout"); };
  module.retire = [&](FakeSession& session) { fail(session, "retire"); };
  module.pack = [&](const FakeSession& session, pfd_luggage&) {
    fail(session, "pack");
    return 1;
  };
  ModuleBed bed(module);
  const auto good = bed.Http().Connect();
  bed.Http().Exchange(*good, "a\n");
  const auto bad = bed.Http().Connect();
  bad->Write("a\n");
  bed.Http().Turn();
  if (where == "retire") bed.Http().Last().Retire();
  if (where == "pack") CHECK_FALSE(bed.Http().Last().Pack());
  if (where == "ended") bad->Finish();
  CHECK(AwaitEnd(bed, *bad));
  bed.Http().Exchange(*good, "b\n");
  CHECK(good->Received() == "a\nb\n");
  CHECK(bed.Http().Until([&] { return bed.Http().Live() == 1; }));
  CHECK(module.opened == (where == "open" ? 1 : 2));
  CHECK(module.closed == (where == "open" ? 0 : 1));
  CHECK(log.Entries("conn_failed cause=exception conn=2").size() == 1);
}

TEST_CASE("an exception of the module ends its connection only, and close() is called") {
  for (const char* where : {"open", "bytes", "ended", "timeout", "retire", "pack"}) CheckException(where);
}

TEST_CASE("an exception of close() is logged, and the worker goes on") {
  const CapturedLog log;
  FakeModule module = Echo();
  module.close = [](FakeSession&) { throw 42; };
  ModuleBed bed(module);
  const auto first = bed.Http().Connect();
  const auto second = bed.Http().Connect();
  bed.Http().Turn();
  first->Close();
  bed.Http().Exchange(*second, "still here\n");
  CHECK(second->Received() == "still here\n");
  CHECK(module.closed == 1);
  CHECK(log.Entries("module_fault service=chat in=close").size() == 1);
}

TEST_CASE("a protocol without a function that it needs is refused") {
  FakeModule module = Echo();
  ModuleBed bed(module);
  for (int i = 0; i < 4; ++i) {
    pfd_protocol table = module.Table();
    if (i == 0) table.open = nullptr;
    if (i == 1) table.bytes = nullptr;
    if (i == 2) table.close = nullptr;
    if (i == 3) table.size = offsetof(pfd_protocol, bytes);
    CHECK_FALSE(module::MakeProtocolService(table, nullptr, *bed.State()).Ok());
  }
  CHECK(module::MakeProtocolService(module.Table(), nullptr, *bed.State()).Ok());
}

}  // namespace
}  // namespace preforkd::testing
