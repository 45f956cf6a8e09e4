// ConnectionCounts: who has how many connections, while they travel, end, and their processes are killed.
#include "common/bounds/connection_counts.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

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
    counts_->End(one->first);
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
  std::unique_ptr<ConnectionCounts> counts_ = std::make_unique<ConnectionCounts>();
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
  const auto counts = std::make_unique<ConnectionCounts>();
  const ConnId old{5};
  const ConnId same_place{5 + ConnectionCounts::kConnections};
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
  const auto counts = std::make_unique<ConnectionCounts>();
  constexpr std::uint64_t kMany = ConnectionCounts::kConnections;
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> hashes;
  std::size_t counted = 0;
  for (std::uint64_t id = 0; id < kMany; ++id) {
    hashes.push_back(random());
    REQUIRE(counts->Begin(ConnId{id}, hashes.back(), 1));
    if (counts->Counts(ConnId{id})) ++counted;
  }
  CHECK(counted > ConnectionCounts::kClients / 2);
  CHECK(counted <= ConnectionCounts::kClients);
  for (std::uint64_t id = 0; id < kMany; ++id) counts->End(ConnId{id});
  for (const std::uint64_t hash : hashes) REQUIRE(counts->Of(hash) == 0);
  for (std::uint64_t id = 0; id < kMany; ++id) REQUIRE(counts->IsFree(ConnId{id}));
}

TEST_CASE("workers and the master at the same time lose nothing") {
  const auto counts = std::make_unique<ConnectionCounts>();
  std::vector<std::thread> threads;
  for (std::uint64_t worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&counts, worker] {
      for (std::uint64_t round = 0; round < 200; ++round) {
        for (std::uint64_t i = 0; i < 100; ++i)
          (void)counts->Begin(ConnId{worker * 100 + i}, Hash(i % 7), 1000000);
        for (std::uint64_t i = 0; i < 100; ++i) counts->End(ConnId{worker * 100 + i});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t client = 0; client < 7; ++client) CHECK(counts->Of(Hash(client)) == 0);
}

}  // namespace
}  // namespace preforkd
