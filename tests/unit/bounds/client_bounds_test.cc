// MasterBounds and WorkerBounds: which clients are one, what is bounded, how much is logged, and what the
// master believes of what workers note.
#include "common/bounds/client_bounds.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "common/bounds/master_bounds.h"
#include "common/bounds/worker_bounds.h"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart{std::chrono::hours(1)};

template <typename Typed>
SocketAddress Packed(const Typed& typed) {
  SocketAddress address;
  std::memcpy(&address.storage, &typed, sizeof(typed));
  address.length = sizeof(typed);
  return address;
}
SocketAddress V4(const char* text) {
  sockaddr_in typed{};
  typed.sin_family = AF_INET;
  typed.sin_port = htons(4711);
  REQUIRE(::inet_pton(AF_INET, text, &typed.sin_addr) == 1);
  return Packed(typed);
}
SocketAddress V6(const char* text) {
  sockaddr_in6 typed{};
  typed.sin6_family = AF_INET6;
  REQUIRE(::inet_pton(AF_INET6, text, &typed.sin6_addr) == 1);
  return Packed(typed);
}

// What the scoreboard has.
struct Memory {
  ClientBook book;
  ClientRates rates;
  std::array<ClientNotes, 3> notes;
  std::atomic<std::uint32_t> slots_used{2};

  ClientTables Tables() { return {book, rates, notes, slots_used}; }
};

struct Bed {
  explicit Bed(const BoundRules& rules) {
    memory->book.key = {1, 2};
    bounds.Configure(rules);
    for (WorkerBounds& worker : workers) worker.Configure(rules);
  }
  std::optional<ClientBounds::Refusal> Connect(const SocketAddress& peer, bool tls = false,
                                               Time now = kStart) {
    return bounds.Connects(ConnId{++last}, peer, tls, now);
  }
  // A connection through a proxy, with that slot.
  ConnId Hidden(Slot slot) {
    const ConnId id{++last};
    bounds.ConnectsHidden(id, kStart);
    bounds.HoldsHidden(id);
    bounds.Gives(id, slot);
    return id;
  }
  // As many of the client as the master counts.
  std::uint32_t Counted(const SocketAddress& peer) {
    bounds.Hear();
    return memory->book.connections.Of(ClientNetwork::Of(peer).value().Hash(memory->book.key));
  }

  std::unique_ptr<Memory> memory = std::make_unique<Memory>();
  MasterBounds bounds{memory->Tables()};
  std::array<WorkerBounds, 2> workers{WorkerBounds{memory->Tables(), Slot{0}},
                                      WorkerBounds{memory->Tables(), Slot{1}}};
  std::uint64_t last = 0;
};

std::string TextOf(const SocketAddress& peer) { return ClientNetwork::Of(peer).value().Text(); }

TEST_CASE("an IPv4 address is one client, and a /64 of IPv6") {
  CHECK(TextOf(V4("192.0.2.7")) == "192.0.2.7");
  CHECK(TextOf(V6("::ffff:192.0.2.7")) == "192.0.2.7");
  CHECK(TextOf(V6("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::/64");
  const SipKey key{3, 4};
  const auto hash = [&](const SocketAddress& peer) { return ClientNetwork::Of(peer).value().Hash(key); };
  CHECK(hash(V4("192.0.2.7")) == hash(V6("::ffff:192.0.2.7")));
  CHECK(hash(V4("192.0.2.7")) != hash(V4("192.0.2.8")));
  CHECK(hash(V6("2001:db8:1:2:3::1")) == hash(V6("2001:db8:1:2:4::1")));
  CHECK(hash(V6("2001:db8:1:2::1")) != hash(V6("2001:db8:1:3::1")));
  const ClientNetwork client = ClientNetwork::Of(V4("192.0.2.7")).value();
  CHECK(client.Hash(key, 0) != client.Hash(key));
  CHECK(client.Hash(key, 0) != client.Hash(key, 1));
  CHECK_FALSE(ClientNetwork::Of(SocketAddress{}).has_value());
}

TEST_CASE("without rules nothing is counted") {
  Bed bed({});
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
  CHECK_FALSE(bed.memory->book.connections.InUse());
}

TEST_CASE("connections at once: the one that ends makes room") {
  Bed bed({.connections = 2});
  CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  const auto refusal = bed.Connect(V4("192.0.2.7"));
  REQUIRE(refusal.has_value());
  CHECK(refusal->bound == Bound::kConnections);
  CHECK_FALSE(bed.Connect(V4("192.0.2.8")).has_value());
  bed.bounds.Ends(ConnId{1});
  CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  CHECK(bed.memory->rates.met[0] == 1);
}

TEST_CASE("new connections and handshakes a second") {
  Bed bed({.connection_rate = 10, .handshake_rate = 1});
  CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
  CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
  CHECK(bed.Connect(V4("192.0.2.7"), true).value().bound == Bound::kHandshakes);
  for (int i = 0; i < 18; ++i) CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  const auto refusal = bed.Connect(V4("192.0.2.7"));
  REQUIRE(refusal.has_value());
  CHECK(refusal->bound == Bound::kNewConnections);
  CHECK_FALSE(bed.Connect(V4("192.0.2.7"), false, kStart + refusal->retry_after).has_value());
}

TEST_CASE("what one bound refuses is not counted by the others") {
  SUBCASE("a handshake too many takes no connection of this second") {
    Bed bed({.connection_rate = 5, .handshake_rate = 1});
    for (int i = 0; i < 2; ++i) CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
    for (int i = 0; i < 100; ++i)
      CHECK(bed.Connect(V4("192.0.2.7"), true).value().bound == Bound::kHandshakes);
    for (int i = 0; i < 8; ++i) CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
    CHECK(bed.Connect(V4("192.0.2.7")).value().bound == Bound::kNewConnections);
  }
  SUBCASE("a new connection too many takes no handshake, and does not count") {
    Bed bed({.connections = 3, .connection_rate = 1, .handshake_rate = 1});
    for (int i = 0; i < 2; ++i) CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
    for (int i = 0; i < 100; ++i)
      CHECK(bed.Connect(V4("192.0.2.7"), true).value().bound == Bound::kNewConnections);
    bed.bounds.Configure({.connections = 3, .handshake_rate = 1});
    CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
    bed.bounds.Configure({.handshake_rate = 1});
    CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
    CHECK(bed.Connect(V4("192.0.2.7"), true).value().bound == Bound::kHandshakes);
  }
  SUBCASE("a connection too many at once is no new connection and no handshake") {
    Bed bed({.connections = 1, .connection_rate = 1, .handshake_rate = 1});
    CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
    for (int i = 0; i < 100; ++i)
      CHECK(bed.Connect(V4("192.0.2.7"), true).value().bound == Bound::kConnections);
    bed.bounds.Ends(ConnId{1});
    CHECK_FALSE(bed.Connect(V4("192.0.2.7"), true).has_value());
  }
}

TEST_CASE("requests a second: each service counts by itself") {
  Bed bed({});
  const auto requests = [&](std::uint16_t service, std::uint32_t rate) {
    return bed.bounds.Requests(V4("192.0.2.7"), service, rate, kStart);
  };
  for (int i = 0; i < 10; ++i) CHECK_FALSE(requests(1, 5).has_value());
  CHECK(requests(1, 5).value().bound == Bound::kRequests);
  CHECK_FALSE(requests(1, 0).has_value());
  // Neither does the low rate of one hold back at the other, nor the high one use up the low one.
  for (int i = 0; i < 200; ++i) CHECK_FALSE(requests(2, 100).has_value());
  CHECK(requests(2, 100).has_value());
  CHECK(requests(1, 5).has_value());
  for (int i = 0; i < 10; ++i) CHECK_FALSE(requests(3, 5).has_value());
}

TEST_CASE("who is exempt has no bound") {
  Bed bed({.connections = 1, .connection_rate = 1, .exempt = [](const SocketAddress& peer) {
             return TextOf(peer) == "192.0.2.7";
           }});
  for (int i = 0; i < 100; ++i) CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  for (int i = 0; i < 100; ++i) CHECK_FALSE(bed.bounds.Requests(V4("192.0.2.7"), 1, 1, kStart).has_value());
  CHECK_FALSE(bed.Connect(V4("192.0.2.8")).has_value());
  CHECK(bed.Connect(V4("192.0.2.8")).has_value());
}

TEST_CASE("a connection that comes from a program without counts is counted, whatever the bound") {
  Bed bed({.connections = 1});
  CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  for (std::uint64_t id = 10; id < 13; ++id) bed.bounds.Holds(ConnId{id}, [] { return V4("192.0.2.7"); });
  CHECK(bed.Connect(V4("192.0.2.7")).has_value());
  bed.bounds.Ends(ConnId{1});
  bed.bounds.Ends(ConnId{10});
  bed.bounds.Ends(ConnId{11});
  CHECK(bed.Connect(V4("192.0.2.7")).has_value());
  bed.bounds.Ends(ConnId{12});
  CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
}

TEST_CASE("a connection that ends in its worker makes room, also if the master has not accepted since") {
  Bed bed({.connections = 2});
  const SocketAddress client = V4("192.0.2.7");
  for (int i = 0; i < 2; ++i) CHECK_FALSE(bed.Connect(client).has_value());
  bed.bounds.Gives(ConnId{1}, Slot{0});
  CHECK(bed.Connect(client).has_value());
  bed.workers[0].Ends(ConnId{1});
  CHECK_FALSE(bed.Connect(client).has_value());
}

// Reading costs, and is not needed for those who are served.
TEST_CASE("while clients connect, the notes of workers are read every millisecond") {
  Bed bed({.connections = 2});
  const auto counted = [&](const char* peer) {
    return bed.memory->book.connections.Of(ClientNetwork::Of(V4(peer)).value().Hash(bed.memory->book.key));
  };
  CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  bed.bounds.Gives(ConnId{1}, Slot{0});
  bed.workers[0].Ends(ConnId{1});
  CHECK_FALSE(bed.Connect(V4("192.0.2.8"), false, kStart + std::chrono::microseconds(999)).has_value());
  CHECK(counted("192.0.2.7") == 1);
  CHECK_FALSE(bed.Connect(V4("192.0.2.8"), false, kStart + milliseconds(1)).has_value());
  CHECK(counted("192.0.2.7") == 0);
}

TEST_CASE("a new connection gets a number that can be counted, also behind many that are in use") {
  Bed bed({.connections = 1 << 20});
  const SocketAddress client = V4("192.0.2.7");
  CHECK(bed.bounds.NumberAfter(ConnId{6}) == ConnId{7});
  constexpr std::uint64_t kInUse = 20000;
  for (std::uint64_t id = 1; id <= kInUse; ++id)
    REQUIRE_FALSE(bed.bounds.Connects(ConnId{id}, client, false, kStart).has_value());
  const ConnectionBook& book = bed.memory->book.connections;
  // The numbers have gone round all places.
  const ConnId last{ConnectionBook::kConnections};
  const ConnId next = bed.bounds.NumberAfter(last);
  CHECK(book.IsFree(next));
  CHECK(Raw(next) < Raw(last) + kInUse + 2000);
  // Places in use that a worker has left are free.
  CHECK_FALSE(bed.bounds.Connects(next, client, false, kStart).has_value());
  bed.bounds.Gives(ConnId{1}, Slot{0});
  bed.workers[0].Ends(ConnId{1});
  CHECK(bed.bounds.NumberAfter(last) == Next(last));
  // All are in use: any number will do, and is found soon.
  for (std::uint64_t id = 0; id < ConnectionBook::kConnections; ++id) bed.bounds.HoldsHidden(ConnId{id});
  CHECK(Raw(bed.bounds.NumberAfter(last)) > Raw(last));
}

TEST_CASE("behind a proxy: the client counts in all workers from when it is known") {
  Bed bed({.connections = 3});
  const SocketAddress client = V4("192.0.2.7");
  const auto connect = [&](std::uint32_t slot) {
    return bed.workers[slot].Connects(bed.Hidden(Slot{slot}), client, false, kStart).has_value();
  };
  CHECK_FALSE(connect(0));
  CHECK_FALSE(connect(1));
  CHECK_FALSE(bed.Connect(client).has_value());  // a direct one
  CHECK(connect(0));
  CHECK(connect(1));
  CHECK(bed.Counted(client) == 3);
  CHECK(bed.Connect(client).has_value());
  bed.workers[1].Ends(ConnId{2});
  CHECK_FALSE(bed.Connect(client).has_value());
  CHECK(bed.Counted(client) == 3);
}

// A note that the master reads while another worker adds up must not count twice.
TEST_CASE("behind a proxy: nobody is refused below the limit while the master reads the notes") {
  constexpr int kRounds = 20000;
  Bed bed({.connections = 2});
  bed.memory->slots_used = 3;
  bed.bounds.Ends(bed.Hidden(Slot{0}));
  // Makes the look of the worker that asks last longer than the master needs for a note of the first.
  for (std::uint64_t i = 0; i < ClientNotes::kClients; ++i)
    (void)bed.memory->notes[2].NoteClient(ConnId{i}, 1);
  std::atomic<int> go{0};
  std::atomic<int> heard{0};
  std::thread master([&] {
    for (int round = 1; round <= kRounds; ++round) {
      for (int i = 1; go.load() < round; ++i)
        if (i % 1000 == 0) std::this_thread::yield();  // a reaction in time needs a spin
      bed.memory->notes[0].TakeClients(
          [&](ConnId id, std::uint64_t hash) { bed.memory->book.connections.Count(id, hash); });
      heard = round;
    }
  });
  int refused = 0;
  for (int round = 1; round <= kRounds; ++round) {
    sockaddr_in typed{};
    typed.sin_family = AF_INET;
    typed.sin_addr.s_addr = htonl(0x0a000000 + static_cast<std::uint32_t>(round));
    const SocketAddress client = Packed(typed);
    const ConnId first = bed.Hidden(Slot{0});
    const ConnId second = bed.Hidden(Slot{1});
    if (bed.workers[0].Connects(first, client, false, kStart)) ++refused;
    go = round;
    if (bed.workers[1].Connects(second, client, false, kStart)) ++refused;
    while (heard.load() < round) std::this_thread::yield();
    bed.bounds.Ends(first);
    bed.bounds.Ends(second);
  }
  master.join();
  CHECK(refused == 0);
}

TEST_CASE("behind a proxy: much that one worker has noted is read without the notes of others") {
  Bed bed({.connections = 1000});
  const SocketAddress client = V4("192.0.2.7");
  const auto counted = [&] {
    return bed.memory->book.connections.Of(ClientNetwork::Of(client).value().Hash(bed.memory->book.key));
  };
  const auto connect = [&](std::uint32_t slot) {
    CHECK_FALSE(bed.workers[slot].Connects(bed.Hidden(Slot{slot}), client, false, kStart).has_value());
  };
  connect(1);
  for (std::uint32_t i = 1; i < ClientNotes::kClients / 2; ++i) connect(0);
  bed.bounds.ClientsNoted(Slot{0});
  CHECK(counted() == 0);  // not much yet
  connect(0);
  CHECK(bed.workers[0].MasterShouldHear());
  bed.bounds.ClientsNoted(Slot{1});
  CHECK(counted() == 0);
  bed.bounds.ClientsNoted(Slot{0});
  CHECK(counted() == ClientNotes::kClients / 2);
  CHECK(bed.Counted(client) == ClientNotes::kClients / 2 + 1);
}

TEST_CASE("behind a proxy: a connection that comes back counts for its client, and for no proxy") {
  Bed bed({.connections = 10});
  const SocketAddress client = V4("192.0.2.7");
  const SocketAddress proxy = V4("192.0.2.1");
  const auto back = [&](ConnId id, const SocketAddress& peer) {
    bed.bounds.TakesBack(id);
    bed.bounds.Holds(id, [&] { return peer; });
  };
  const ConnId named = bed.Hidden(Slot{0});
  CHECK_FALSE(bed.workers[0].Connects(named, client, false, kStart).has_value());
  back(named, client);  // before the master has read the note
  CHECK(bed.Counted(client) == 1);
  const ConnId local = bed.Hidden(Slot{1});
  back(local, proxy);
  bed.bounds.Gives(local, Slot{0});
  back(local, proxy);
  CHECK(bed.Counted(proxy) == 0);
  bed.bounds.Ends(named);
  bed.bounds.Ends(local);
  CHECK(bed.Counted(client) == 0);
  CHECK(bed.memory->book.connections.IsFree(local));
}

// The worker ends between the client's name and the master's reading of it, or after that.
TEST_CASE("behind a proxy: a worker that ends leaves nothing, whenever it does") {
  for (const bool heard : {false, true}) {
    CAPTURE(heard);
    Bed bed({.connections = 3});
    const SocketAddress client = V4("192.0.2.7");
    for (int i = 0; i < 3; ++i)
      CHECK_FALSE(bed.workers[0].Connects(bed.Hidden(Slot{0}), client, false, kStart).has_value());
    if (heard) CHECK(bed.Counted(client) == 3);
    bed.bounds.EndsAllOf(Slot{0});
    CHECK(bed.Counted(client) == 0);
    for (std::uint64_t id = 1; id <= 3; ++id) CHECK(bed.memory->book.connections.IsFree(ConnId{id}));
  }
}

TEST_CASE("a worker is believed about the connections that it has, and about no others") {
  Bed bed({.connections = 4});
  const SocketAddress victim = V4("192.0.2.7");
  const std::uint64_t hash = ClientNetwork::Of(victim).value().Hash(bed.memory->book.key);
  CHECK_FALSE(bed.Connect(victim).has_value());  // 1: with the other worker
  bed.bounds.Gives(ConnId{1}, Slot{1});
  CHECK_FALSE(bed.Connect(victim).has_value());  // 2: parked
  const ConnId others = bed.Hidden(Slot{1});
  const ConnId own = bed.Hidden(Slot{0});
  ClientNotes& notes = bed.memory->notes[0];
  const auto lie = [&] {
    for (std::uint64_t i = 0; i < 100; ++i) {
      (void)notes.NoteClient(ConnId{1000 + i}, hash);  // that it never had
      (void)notes.NoteClient(others, hash);
      (void)notes.NoteClient(own, hash);
    }
    for (std::size_t place = 0; place < 50; ++place)
      if (place != ConnectionBook::PlaceOf(own)) notes.NoteEnd(place);
  };
  lie();
  // Another worker does not believe it either: of those only `own` counts.
  CHECK_FALSE(bed.workers[1].Connects(bed.Hidden(Slot{1}), victim, false, kStart).has_value());
  CHECK(bed.workers[1].Connects(bed.Hidden(Slot{1}), victim, false, kStart).has_value());
  CHECK(bed.Counted(victim) == 4);
  lie();
  CHECK(bed.Counted(victim) == 4);
  bed.bounds.EndsAllOf(Slot{0});
  CHECK(bed.Counted(victim) == 3);
  CHECK_FALSE(bed.Connect(victim).has_value());
  CHECK(bed.Connect(victim).has_value());
}

TEST_CASE("a worker that forges many ends is told of, and one that notes many of its own is not") {
  Bed bed({.connections = 1000});
  std::vector<Slot> forgers;
  bed.bounds.OnForgedNotes([&](Slot slot) { forgers.push_back(slot); });
  const SocketAddress client = V4("192.0.2.7");
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    CHECK_FALSE(bed.Connect(client).has_value());
    bed.bounds.Gives(ConnId{id}, Slot{0});
  }
  for (std::size_t place = 0; place <= 1000; ++place) bed.memory->notes[1].NoteEnd(place);
  CHECK(bed.Counted(client) == 1000);
  CHECK(forgers == std::vector<Slot>{Slot{1}});
  for (std::uint64_t id = 1; id <= 1000; ++id) bed.workers[0].Ends(ConnId{id});
  CHECK(bed.Counted(client) == 0);
  CHECK(forgers.size() <= 2);  // the rest of what slot 1 has forged
  CHECK(std::count(forgers.begin(), forgers.end(), Slot{0}) == 0);
}

TEST_CASE("what is noted before anything is counted is void, also after the end of its worker") {
  for (const bool ended : {false, true}) {
    CAPTURE(ended);
    Bed bed({});
    bool forged = false;
    bed.bounds.OnForgedNotes([&](Slot) { forged = true; });
    ClientNotes& notes = bed.memory->notes[0];
    const SocketAddress victim = V4("192.0.2.7");
    const std::uint64_t hash = ClientNetwork::Of(victim).value().Hash(bed.memory->book.key);
    for (std::size_t place = 0; place < 1000; ++place) notes.NoteEnd(place);
    CHECK(notes.NoteClient(ConnId{2}, hash));
    if (ended) bed.bounds.EndsAllOf(Slot{0});
    bed.bounds.Configure({.connections = 10});  // a reload
    CHECK_FALSE(bed.Connect(V4("192.0.2.8")).has_value());
    bed.bounds.Gives(ConnId{1}, Slot{0});
    (void)bed.Hidden(Slot{0});  // 2
    CHECK(bed.Counted(V4("192.0.2.8")) == 1);
    CHECK(bed.Counted(victim) == 0);
    CHECK_FALSE(forged);
  }
}

TEST_CASE("one line a second for each client, and no refusal is left out of the sum") {
  Bed bed({.connections = 1});
  CHECK_FALSE(bed.Connect(V4("192.0.2.7")).has_value());
  int lines = 0;
  std::uint32_t held_back = 0;
  for (int i = 0; i < 10000; ++i) {
    const auto refusal = bed.Connect(V4("192.0.2.7"), false, kStart + milliseconds(i));
    REQUIRE(refusal.has_value());
    if (!refusal->log_with) continue;
    ++lines;
    held_back += *refusal->log_with;
  }
  CHECK(lines == 10);
  CHECK(held_back >= 8990);
}

TEST_CASE("many clients at their bounds: not more lines than kLines a second") {
  Bed bed({});
  std::uint32_t lines = 0;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    sockaddr_in typed{};
    typed.sin_family = AF_INET;
    typed.sin_addr.s_addr = htonl(0x0a000000 + i);
    const SocketAddress peer = Packed(typed);
    for (int use = 0; use < 3; ++use) {
      const auto refusal = bed.bounds.Requests(peer, 1, 1, kStart + std::chrono::microseconds(i * 100));
      if (refusal && refusal->log_with) ++lines;
    }
  }
  CHECK(lines <= 2 * ClientBounds::kLines);
  CHECK(lines >= ClientBounds::kLines);
}

}  // namespace
}  // namespace preforkd
