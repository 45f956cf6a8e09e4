// Connections of a module's own protocol: their times, and how they travel, arrive and retire.
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "tests/loopback/module/module_bed.h"
#include "worker/module/protocol/host_connection.h"
#include "worker/module/protocol/protocol_session.h"

namespace preforkd::testing {
namespace {

using module::HostDeadline;
using module::HostFinish;
using module::HostIdleTimeout;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kLarge = 4'000'000;  // more than a socket takes at once

constexpr std::uint64_t In(Duration duration) { return static_cast<std::uint64_t>(duration.count()); }

// A module for lines: each is sent back. Its sessions have an idle timeout, and pack "1" and their note.
FakeModule Travelling(Duration idle = seconds(60)) {
  FakeModule module;
  module.open = [idle](FakeSession& session, pfd_str context) {
    if (context.data != nullptr) session.note.assign(context.data + 1, context.size - 1);
    HostIdleTimeout(session.connection, In(idle));
    return true;
  };
  module.bytes = EchoLines;
  module.pack = [](const FakeSession& session, pfd_luggage& luggage) {
    const std::string context = "1" + session.note;
    std::memcpy(luggage.context, context.data(), context.size());
    luggage.used = context.size();
    return 0;
  };
  return module;
}

std::string Refusal(ModuleBed& bed) {
  const char* const why = bed.Http().Last().GetSession().TravelRefusal();
  return why == nullptr ? "none" : why;
}

// For tests of one worker that must not lose the connection on a slow machine.
void ParkNothing(ModuleBed& bed) {
  Config config = *bed.Http().Env().config;
  config.parking.after = Duration(0);
  bed.Http().Env().config = std::make_shared<Config>(config);
}

// ---- times ----

TEST_CASE("an idle timeout is counted from the client's last bytes") {
  FakeModule module;
  int timeouts = 0;
  Time heard{};
  Time fired{};
  module.open = [](FakeSession& session, pfd_str) {
    HostIdleTimeout(session.connection, In(milliseconds(500)));
    return true;
  };
  module.bytes = [&heard](FakeSession&, std::string_view bytes) {
    heard = Now();
    return bytes.size();
  };
  module.timeout = [&](FakeSession&) {
    ++timeouts;
    fired = Now();
  };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  const Time begin = Now();
  Time last = begin;
  CHECK(bed.Http().Until([&] {
    if (Now() - begin < milliseconds(700) && Now() - last > milliseconds(20)) {
      client->Write("x");
      last = Now();
    }
    return timeouts == 1;
  }));
  CHECK(fired - heard >= milliseconds(498));
  CHECK(fired - begin >= milliseconds(700));
  // Once for each silence, and the connection stays.
  CHECK(bed.Http().Live() == 1);
  client->Write("x");
  CHECK(bed.Http().Until([&] { return timeouts == 2; }));
}

TEST_CASE("without a function for timeouts the connection is closed") {
  FakeModule module;
  SUBCASE("the idle timeout") {
    module.open = [](FakeSession& session, pfd_str) {
      HostIdleTimeout(session.connection, In(milliseconds(20)));
      return true;
    };
  }
  SUBCASE("the deadline") {
    module.open = [](FakeSession& session, pfd_str) {
      HostDeadline(session.connection, In(milliseconds(20)));
      return true;
    };
  }
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  CHECK(bed.Http().Until([&] { return bed.Http().Live() == 0; }));
  client->Read();
  CHECK(client->Ended());
  CHECK(module.closed == 1);
}

TEST_CASE("a deadline comes whatever the client does, once, and can be taken back") {
  FakeModule module;
  int timeouts = 0;
  module.bytes = [](FakeSession& session, std::string_view bytes) {
    if (bytes == "start") HostDeadline(session.connection, In(milliseconds(100)));
    if (bytes == "stop") HostDeadline(session.connection, 0);
    return bytes.size();
  };
  module.timeout = [&timeouts](FakeSession&) { ++timeouts; };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "start");
  const Time begin = Now();
  CHECK(bed.Http().Until([&] {
    client->Write("x");
    return timeouts == 1;
  }));
  CHECK(Now() - begin >= milliseconds(98));
  bed.Http().Exchange(*client, "start");
  bed.Http().Exchange(*client, "stop");
  const Time stopped = Now();
  CHECK(bed.Http().Until([&] { return Now() - stopped > milliseconds(200); }));
  CHECK(timeouts == 1);
}

TEST_CASE("both times run beside each other") {
  FakeModule module;
  std::vector<Time> fired;
  module.open = [](FakeSession& session, pfd_str) {
    HostIdleTimeout(session.connection, In(milliseconds(150)));
    HostDeadline(session.connection, In(milliseconds(40)));
    return true;
  };
  module.timeout = [&fired](FakeSession&) { fired.push_back(Now()); };
  ModuleBed bed(module);
  const Time begin = Now();
  const auto client = bed.Http().Connect();
  CHECK(bed.Http().Until([&] { return fired.size() == 2; }));
  CHECK(fired[0] - begin >= milliseconds(38));
  CHECK(fired[1] - begin >= milliseconds(148));
}

TEST_CASE("a client that takes its output slowly is not idle") {
  FakeModule module;
  int timeouts = 0;
  module.open = [](FakeSession& session, pfd_str) {
    HostIdleTimeout(session.connection, In(milliseconds(500)));
    Send(session, std::string(kLarge, 'x'));
    return true;
  };
  module.timeout = [&timeouts](FakeSession&) { ++timeouts; };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  const Time begin = Now();
  Time last = begin;
  CHECK(bed.Http().Until([&] {
    if (Now() - last > milliseconds(20)) {
      client->Read(50'000);
      last = Now();
    }
    return client->Received().size() == kLarge || timeouts > 0;
  }));
  CHECK(Now() - begin > seconds(1));
  CHECK(timeouts == 0);
  CHECK(bed.Http().Until([&] { return timeouts == 1; }));
}

// ---- travelling ----

TEST_CASE("an idle connection is parked, and goes on where it comes back") {
  FakeModule module = Travelling();
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "line\nhal");
  module.sessions.at(0)->note = "name";
  CHECK(bed.Http().Until([&] { return bed.Http().Travelled() == 1; }));
  CHECK(module.closed == 1);
  const Luggage& luggage = bed.Http().LastLuggage();
  CHECK(luggage.unread == "hal");
  CHECK(luggage.context == "1name");
  CHECK_FALSE(luggage.wake);
  CHECK(luggage.idle_left > seconds(50));
  CHECK(luggage.idle_left <= seconds(60));
  client->Write("f\n");
  module.offered.clear();
  bed.Http().Resume();
  bed.Http().Exchange(*client, "");
  CHECK(client->Received() == "line\nhalf\n");
  // What came with it was offered at once, and then what was read.
  CHECK(module.offered == std::vector<std::string>{"hal", "half\n"});
  CHECK(module.sessions.at(0)->note == "name");
  CHECK(module.opened == 2);
}

TEST_CASE("a module says whether there is work without the client, and nothing is a new client") {
  FakeModule module = Travelling();
  std::vector<std::string> contexts;
  module.open = [&contexts](FakeSession& session, pfd_str context) {
    contexts.push_back(context.data == nullptr ? "absent" : std::string(context.data, context.size));
    HostIdleTimeout(session.connection, In(seconds(60)));
    return true;
  };
  module.pack = [](const FakeSession&, pfd_luggage& luggage) {
    luggage.wake = 1;
    return 0;
  };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "a\n");
  CHECK(bed.Http().Until([&] { return bed.Http().Travelled() == 1; }));
  CHECK(bed.Http().LastLuggage().wake);
  bed.Http().Resume();
  CHECK(contexts == std::vector<std::string>{"absent", "absent"});
}

TEST_CASE("a greeting that waits is sent before anything that came with the connection is offered") {
  FakeModule module;
  module.open = [](FakeSession& session, pfd_str) { return Send(session, std::string(kLarge, 'x')) > 0; };
  module.bytes = EchoLines;
  ModuleBed bed(module);
  const auto client = bed.Http().Connect(SocketKind::kUnix, {"carried\n", "1", Duration(0), false});
  bed.Http().Turn();
  CHECK(module.offered.empty());
  CHECK(bed.Http().Until([&] {
    client->Read();
    return client->Received().size() == kLarge + 8;
  }));
  CHECK(client->Received().ends_with("xcarried\n"));
  CHECK(module.offered.size() == 1);
}

TEST_CASE("each reason for which a connection stays has a name") {
  FakeModule module = Travelling();
  int result = 0;
  module.pack = [&result](const FakeSession&, pfd_luggage&) { return result; };
  module.ended = [](FakeSession&) {};
  module.bytes = [](FakeSession& session, std::string_view bytes) {
    if (bytes == "deadline") HostDeadline(session.connection, In(seconds(60)));
    if (bytes == "none") HostDeadline(session.connection, 0);
    if (bytes == "much") Send(session, std::string(kLarge, 'x'));
    if (bytes == "finish") HostFinish(session.connection);
    return bytes.size();
  };
  ModuleBed bed(module);
  ParkNothing(bed);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "x");
  CHECK(Refusal(bed) == "none");
  result = 1;
  CHECK(Refusal(bed) == "the module keeps it here for now");
  result = 0;
  bed.Http().Exchange(*client, "deadline");
  CHECK(Refusal(bed) == "a deadline runs");
  bed.Http().Exchange(*client, "none");
  CHECK(Refusal(bed) == "none");
  client->Write("much");
  bed.Http().Turn();
  CHECK(Refusal(bed) == "output waits for the client");
  CHECK(bed.Http().Until([&] {
    client->Read();
    return Refusal(bed) == "none";
  }));
  client->Finish();
  bed.Http().Turn();
  CHECK(Refusal(bed) == "the client has shut down its sending side");
  const auto other = bed.Http().Connect();
  bed.Http().Exchange(*other, "finish");
  CHECK(Refusal(bed) == "the connection is being closed");
}

TEST_CASE("there is room for all that is not unread, and a module that packs more stays") {
  const CapturedLog log;
  FakeModule module = Travelling();
  std::size_t capacity = 0;
  std::size_t extra = 0;
  module.pack = [&](const FakeSession&, pfd_luggage& luggage) {
    CHECK(luggage.size == sizeof(luggage));
    capacity = luggage.capacity;
    std::memset(luggage.context, 'c', capacity);
    luggage.used = capacity + extra;
    return 0;
  };
  ModuleBed bed(module);
  ParkNothing(bed);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "1234567");
  CHECK(Refusal(bed) == "none");
  CHECK(capacity == kMaxLuggageBytes - 7);
  REQUIRE(bed.Http().Last().Pack());
  extra = 1;
  CHECK(Refusal(bed) == "the module packed too much");
  CHECK_FALSE(bed.Http().Last().Pack());
  CHECK(log.Entries("conn_stays conn=1 level=warning").size() == 1);
  bed.Http().Exchange(*client, "\n");
  CHECK(client->Received() == "1234567\n");
}

TEST_CASE("only a connection with an idle timeout and nothing else in hand is parked") {
  FakeModule module = Travelling();
  module.open = [](FakeSession& session, pfd_str) {
    if (session.module.opened != 1) HostIdleTimeout(session.connection, In(seconds(60)));
    if (session.module.opened == 2) HostDeadline(session.connection, In(seconds(60)));
    return true;
  };
  ModuleBed bed(module);
  const auto parked = bed.Http().Connect();
  bed.Http().Turn();
  const auto without_timeout = bed.Http().Connect();
  bed.Http().Turn();
  const auto with_deadline = bed.Http().Connect();
  bed.Http().Turn();
  CHECK(bed.Http().Until([&] { return bed.Http().Travelled() == 1; }));
  const Time begin = Now();
  CHECK(bed.Http().Until([&] { return Now() - begin > milliseconds(400); }));
  CHECK(bed.Http().Travelled() == 1);
  CHECK(bed.Http().Live() == 2);
}

// ---- retiring ----

TEST_CASE("in a worker that leaves, a connection travels as soon as its module lets it") {
  FakeModule module = Travelling();
  int retired = 0;
  bool busy = true;
  module.retire = [&retired](FakeSession&) { ++retired; };
  module.pack = [&busy](const FakeSession&, pfd_luggage&) { return busy ? 1 : 0; };
  ModuleBed bed(module);
  ParkNothing(bed);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "a\n");
  bed.Http().Last().Retire();
  CHECK(retired == 1);
  CHECK(bed.Http().Travelled() == 0);
  bed.Http().Exchange(*client, "b\n");
  CHECK(bed.Http().Travelled() == 0);
  busy = false;
  bed.Http().Exchange(*client, "c\n");
  CHECK(bed.Http().Travelled() == 1);
  CHECK(client->Received() == "a\nb\nc\n");
  CHECK(retired == 1);
  CHECK(module.closed == 1);
}

TEST_CASE("in a worker that leaves, a session that cannot travel ends itself") {
  FakeModule module;
  module.bytes = EchoLines;
  module.retire = [](FakeSession& session) {
    Send(session, "bye\n");
    HostFinish(session.connection);
  };
  ModuleBed bed(module);
  const auto client = bed.Http().Connect();
  bed.Http().Exchange(*client, "a\n");
  bed.Http().Last().Retire();
  bed.Http().Turn();
  client->Read();
  CHECK(client->Received() == "a\nbye\n");
  CHECK(client->Ended());
  client->Close();
  CHECK(bed.Http().Until([&] { return bed.Http().Live() == 0; }));
  CHECK(module.closed == 1);
}

}  // namespace
}  // namespace preforkd::testing
