// ConnectionBook: who has how many connections, while they travel, end, and their processes are killed; and
// what it does not believe. ClientNotes: what is noted arrives once.
#include "common/bounds/connection_book.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "common/bounds/client_notes.h"

namespace preforkd {
namespace {

std::uint64_t Hash(std::uint64_t client) {
  std::mt19937_64 random(client);
  return random();
}

constexpr std::uint32_t kLimit = 10;

struct Held {
  std::uint64_t client = 0;
  int slot = -1;  // -1: the master
};

class Walk {
 public:
  explicit Walk(unsigned seed) : random_(seed) {}

  void Step() {
    switch (Some(10)) {
      case 0:
      case 1:
      case 2:
      case 3: return Begin();
      case 4:
      case 5: return Travel();
      case 6: return Some(50) == 0 ? Kill() : Travel();
      default: return End();
    }
  }
  void Check() {
    for (std::uint64_t client = 0; client < kClients; ++client)
      REQUIRE(counts_->Of(Hash(client)) == expected_[client]);
  }

 private:
  static constexpr std::uint64_t kClients = 30;
  static constexpr std::uint64_t kSlots = 4;

  std::uint64_t Some(std::uint64_t below) { return random_() % below; }
  void Begin() {
    while (!counts_->IsFree(next_)) next_ = Next(next_);
    const std::uint64_t client = Some(kClients);
    const bool may = counts_->Begin(next_, Hash(client), kLimit);
    REQUIRE(may == (expected_[client] < kLimit));
    if (!may) return;
    ++expected_[client];
    held_[next_] = {client, -1};
    next_ = ConnId{Raw(next_) + 1 + (Some(100) == 0 ? Some(100000) : 0)};
  }
  std::map<ConnId, Held>::iterator Any() {
    auto at = held_.lower_bound(ConnId{Some(Raw(next_) + 1)});
    return at == held_.end() ? held_.begin() : at;
  }
  void Travel() {
    if (held_.empty()) return;
    auto& [id, held] = *Any();
    if (held.slot < 0) {
      held.slot = static_cast<int>(Some(kSlots));
      counts_->GiveTo(id, static_cast<Slot>(held.slot));
    } else {
      counts_->TakeBack(id);
      held.slot = -1;
    }
  }
  void End() {
    if (held_.empty()) return;
    const auto one = Any();
    if (one->second.slot < 0 || Some(2) == 0) {
      counts_->End(one->first);
    } else {  // its worker tells
      const std::size_t place = ConnectionBook::PlaceOf(one->first);
      counts_->EndAt(Slot{static_cast<std::uint32_t>(one->second.slot + 1)}, place);  // another one's word
      counts_->EndAt(static_cast<Slot>(one->second.slot), place);
    }
    counts_->End(one->first);  // no effect
    --expected_[one->second.client];
    held_.erase(one);
  }
  // Some of those that were given to it lie untaken in its channel, and the next worker gets them.
  void Kill() {
    const auto slot = static_cast<int>(Some(kSlots));
    counts_->EndAllOf(static_cast<Slot>(slot));
    for (auto at = held_.begin(); at != held_.end();) {
      const auto& [id, held] = *at;
      if (held.slot != slot) {
        ++at;
      } else if (Some(4) == 0) {
        REQUIRE_FALSE(counts_->Counts(id));
        counts_->Count(id, Hash(held.client));
        counts_->GiveTo(id, static_cast<Slot>(slot));
        ++at;
      } else {
        --expected_[held.client];
        at = held_.erase(at);
      }
    }
  }

  std::mt19937_64 random_;
  std::unique_ptr<ConnectionBook> counts_ = std::make_unique<ConnectionBook>();
  std::map<ConnId, Held> held_;
  std::map<std::uint64_t, std::uint32_t> expected_;
  ConnId next_{1};
};

TEST_CASE("random walk: the counts are those of a model, and no killed worker leaves one") {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    Walk walk(seed);
    for (int i = 0; i < 50000; ++i) {
      walk.Step();
      if (i % 100 == 0) walk.Check();
    }
  }
}

TEST_CASE("the place of a number that another connection has: it is not counted, and ends nothing") {
  const auto counts = std::make_unique<ConnectionBook>();
  const ConnId old{5};
  const ConnId same_place{5 + ConnectionBook::kConnections};
  REQUIRE(counts->Begin(old, Hash(1), kLimit));
  CHECK_FALSE(counts->IsFree(same_place));
  CHECK(counts->Begin(same_place, Hash(2), kLimit));  // allowed
  CHECK(counts->Of(Hash(2)) == 0);
  CHECK_FALSE(counts->Counts(same_place));
  counts->End(same_place);
  CHECK(counts->Of(Hash(1)) == 1);
  counts->End(old);
  CHECK(counts->Of(Hash(1)) == 0);
  CHECK(counts->IsFree(same_place));
}

TEST_CASE("more clients than counts: none is refused, and each that ends leaves nothing") {
  const auto counts = std::make_unique<ConnectionBook>();
  constexpr std::uint64_t kMany = ConnectionBook::kConnections;
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> hashes;
  std::size_t counted = 0;
  for (std::uint64_t id = 0; id < kMany; ++id) {
    hashes.push_back(random());
    REQUIRE(counts->Begin(ConnId{id}, hashes.back(), 1));
    if (counts->Counts(ConnId{id})) ++counted;
  }
  CHECK(counted > ConnectionBook::kClients / 2);
  CHECK(counted <= ConnectionBook::kClients);
  for (std::uint64_t id = 0; id < kMany; ++id) counts->End(ConnId{id});
  for (const std::uint64_t hash : hashes) REQUIRE(counts->Of(hash) == 0);
  for (std::uint64_t id = 0; id < kMany; ++id) REQUIRE(counts->IsFree(ConnId{id}));
}

TEST_CASE("one that is hidden counts when its client is known, and ends with the slot that has it") {
  const auto book = std::make_unique<ConnectionBook>();
  for (std::uint64_t id = 1; id <= 4; ++id) book->BeginHidden(ConnId{id});
  for (std::uint64_t id = 1; id <= 3; ++id) book->GiveTo(ConnId{id}, Slot{5});
  CHECK(book->Has(ConnId{1}));
  CHECK_FALSE(book->Counts(ConnId{1}));
  CHECK(book->IsHiddenAt(Slot{5}, ConnId{1}));
  CHECK_FALSE(book->IsHiddenAt(Slot{4}, ConnId{1}));
  CHECK_FALSE(book->IsHiddenAt(Slot{5}, ConnId{4}));
  book->Count(ConnId{1}, Hash(7));
  book->Count(ConnId{2}, Hash(7));
  CHECK(book->Of(Hash(7)) == 2);
  CHECK_FALSE(book->IsHiddenAt(Slot{5}, ConnId{1}));  // it is known
  book->Count(ConnId{1}, Hash(8));
  CHECK(book->Of(Hash(8)) == 0);
  book->EndAllOf(Slot{5});
  CHECK(book->Of(Hash(7)) == 0);
  for (std::uint64_t id = 1; id <= 3; ++id) CHECK(book->IsFree(ConnId{id}));
  CHECK(book->Has(ConnId{4}));
}

TEST_CASE("a slot ends what it has, and nothing else") {
  const auto book = std::make_unique<ConnectionBook>();
  for (std::uint64_t id = 1; id <= 3; ++id) REQUIRE(book->Begin(ConnId{id}, Hash(7), kLimit));
  book->GiveTo(ConnId{1}, Slot{0});
  book->GiveTo(ConnId{2}, Slot{1});
  for (std::size_t place = 0; place < ConnectionBook::kConnections; ++place) book->EndAt(Slot{0}, place);
  CHECK(book->Of(Hash(7)) == 2);
  CHECK(book->IsFree(ConnId{1}));
  CHECK(book->Counts(ConnId{2}));
  CHECK(book->Counts(ConnId{3}));
}

TEST_CASE("notes: each end and each client is taken once, while the worker goes on writing") {
  const auto notes = std::make_unique<ClientNotes>();
  constexpr std::uint64_t kMany = 50000;
  std::thread worker([&notes] {
    for (std::uint64_t id = 0; id < kMany;) {
      if (!notes->NoteClient(ConnId{id}, id * 3)) continue;  // until the master has read
      notes->NoteEnd(ConnectionBook::PlaceOf(ConnId{id}));
      ++id;
    }
  });
  std::uint64_t clients = 0;
  std::vector<int> ends(ConnectionBook::kConnections);
  std::uint64_t ended = 0;
  while (ended < kMany) {
    notes->TakeClients([&clients](ConnId id, std::uint64_t hash) {
      REQUIRE(Raw(id) == clients);
      REQUIRE(hash == 3 * clients);
      ++clients;
    });
    notes->TakeEnds([&](std::size_t place) {
      REQUIRE(++ends[place] == 1);
      ++ended;
      return true;
    });
  }
  worker.join();
  notes->TakeClients([&clients](ConnId, std::uint64_t) { ++clients; });
  CHECK(clients == kMany);
}

TEST_CASE("notes: of ends that are forged only so many are read at once") {
  const auto notes = std::make_unique<ClientNotes>();
  int taken = 0;
  const auto take = [&](bool own) {
    taken = 0;
    return notes->TakeEnds([&](std::size_t) {
      ++taken;
      return own;
    });
  };
  const auto note = [&](std::size_t ends) {
    for (std::size_t place = 0; place < ends; ++place) notes->NoteEnd(place);
  };
  note(ClientNotes::kMaxForged);
  CHECK(take(false));
  CHECK(taken == ClientNotes::kMaxForged);
  note(ClientNotes::kPlaces);
  CHECK(take(true));
  CHECK(taken == static_cast<int>(ClientNotes::kPlaces));
  note(ClientNotes::kPlaces);
  CHECK_FALSE(take(false));
  CHECK(taken <= ClientNotes::kMaxForged + 64);  // it reads the word to its end
  notes->Clear();
  CHECK(take(false));
  CHECK(taken == 0);
}

TEST_CASE("notes that nobody reads: clients find no room, ends always do; a worker's end voids all") {
  const auto notes = std::make_unique<ClientNotes>();
  for (std::uint64_t id = 0; id < ClientNotes::kClients; ++id) {
    CHECK(notes->ManyClients() == (id >= ClientNotes::kClients / 2));
    CHECK(notes->NoteClient(ConnId{id}, 1));
  }
  CHECK_FALSE(notes->NoteClient(ConnId{9999}, 1));
  for (std::size_t place = 0; place < ClientNotes::kPlaces; ++place) notes->NoteEnd(place);
  notes->Clear();
  int taken = 0;
  notes->TakeClients([&taken](ConnId, std::uint64_t) { ++taken; });
  notes->TakeEnds([&taken](std::size_t) {
    ++taken;
    return true;
  });
  CHECK(taken == 0);
  CHECK(notes->NoteClient(ConnId{1}, 1));
}

}  // namespace
}  // namespace preforkd
