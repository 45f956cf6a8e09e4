// The choice of slot: the promises of each policy, and the tree against the plain definition.
#include "master/policy/balance.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace preforkd::testing {
namespace {

constexpr std::array kPolicies = {DispatchPolicy::kLeastConnections, DispatchPolicy::kRoundRobin,
                                  DispatchPolicy::kClientHash};

// Slots with their loads, and the balancer that knows them.
class Slots {
 public:
  explicit Slots(DispatchPolicy policy, std::initializer_list<std::uint64_t> loads = {}) : balancer_(policy) {
    std::uint32_t slot = 0;
    for (const std::uint64_t load : loads) Offer(slot++, load);
  }

  void Offer(std::uint32_t slot, std::uint64_t load, bool last_resort = false) {
    loads_[slot] = load;
    last_resorts_.erase(slot);
    if (last_resort) last_resorts_.insert(slot);
    balancer_.Offer(slot, load, last_resort);
  }
  void Withdraw(std::uint32_t slot) {
    loads_.erase(slot);
    last_resorts_.erase(slot);
    balancer_.Withdraw(slot);
  }
  // Dispatches one connection and counts it, as the dispatcher does; returns the slot, or -1.
  int Give(std::optional<std::uint64_t> client = 0) {
    const auto slot = balancer_.Choose(client);
    if (!slot) return -1;
    balancer_.Took(*slot);
    Offer(*slot, loads_.at(*slot) + 1, last_resorts_.contains(*slot));
    return static_cast<int>(*slot);
  }
  [[nodiscard]] std::optional<std::uint32_t> Choice(std::optional<std::uint64_t> client = 0) const {
    return balancer_.Choose(client);
  }
  [[nodiscard]] const std::map<std::uint32_t, std::uint64_t>& Loads() const { return loads_; }
  [[nodiscard]] const std::set<std::uint32_t>& LastResorts() const { return last_resorts_; }
  Balancer& Tree() { return balancer_; }

 private:
  Balancer balancer_;
  std::map<std::uint32_t, std::uint64_t> loads_;
  std::set<std::uint32_t> last_resorts_;
};

std::vector<int> GiveMany(Slots& slots, int count) {
  std::vector<int> order;
  for (int i = 0; i < count; ++i) order.push_back(slots.Give());
  return order;
}

// The definitions, by looking at every slot.
class Plain {
 public:
  Plain(DispatchPolicy policy, const Gathering& gathering, const Slots& slots, std::uint32_t last)
      : policy_(policy),
        gathering_(gathering),
        loads_(slots.Loads()),
        last_resorts_(slots.LastResorts()),
        last_(last) {}

  [[nodiscard]] std::optional<std::uint32_t> Choice(std::optional<std::uint64_t> client) const {
    if (loads_.empty()) return std::nullopt;
    if (policy_ == DispatchPolicy::kClientHash && client) return OfClient(*client);
    if (policy_ == DispatchPolicy::kLeastConnections) {
      if (const auto gathered = Gathered()) return gathered;
    }
    std::optional<std::uint32_t> best;
    for (const auto& [slot, load] : loads_) {
      if (!best || Before(slot, load, *best)) best = slot;
    }
    return best;
  }

 private:
  [[nodiscard]] std::optional<std::uint32_t> Gathered() const {
    std::optional<std::uint32_t> best;
    std::uint32_t seen = 0;
    for (const auto& [slot, load] : loads_) {
      if (seen++ == gathering_.slots && best) break;
      if (load >= gathering_.depth || last_resorts_.contains(slot)) continue;
      if (seen > gathering_.slots) return slot;
      if (!best || Before(slot, load, *best)) best = slot;
    }
    return best;
  }
  [[nodiscard]] bool Before(std::uint32_t slot, std::uint64_t load, std::uint32_t best) const {
    if (last_resorts_.contains(slot) != last_resorts_.contains(best)) return last_resorts_.contains(best);
    const bool by_load = policy_ != DispatchPolicy::kRoundRobin;
    if (by_load && load != loads_.at(best)) return load < loads_.at(best);
    // How far behind the last one: unsigned, so going round.
    return slot - last_ - 1 < best - last_ - 1;
  }
  [[nodiscard]] std::uint32_t OfClient(std::uint64_t client) const {
    const std::uint32_t slots = loads_.rbegin()->first + 1;
    for (std::uint32_t attempt = 0; attempt < Balancer::kTries; ++attempt) {
      const std::uint32_t slot = Balancer::Series(client, attempt, slots);
      if (loads_.contains(slot)) return slot;
    }
    return loads_.lower_bound(Balancer::Series(client, Balancer::kTries - 1, slots))->first;
  }

  DispatchPolicy policy_;
  Gathering gathering_;
  const std::map<std::uint32_t, std::uint64_t>& loads_;
  const std::set<std::uint32_t>& last_resorts_;
  std::uint32_t last_;
};

// Workers with application threads, as their rows show them, and what a policy makes of them.
class Workers {
 public:
  Workers(DispatchPolicy policy, std::uint32_t slots) : balancer_(policy), rows_(slots) {
    for (Candidate& row : rows_) row.threaded = true;
    for (std::uint32_t slot = 0; slot < slots; ++slot) SetFree(slot, 1);
  }

  void SetFree(std::uint32_t slot, std::uint64_t threads) {
    rows_[slot].free_threads = threads;
    balancer_.Offer(slot, rows_[slot].load, IsLastResort(rows_[slot]));
  }
  void End(std::uint32_t slot) {
    if (rows_[slot].load > 0) --rows_[slot].load;
    SetFree(slot, rows_[slot].free_threads);
  }
  // Returns whether the chosen slot had a free thread.
  bool Give(std::optional<std::uint64_t> client) {
    const std::uint32_t slot = *balancer_.Choose(client);
    const bool had_one = rows_[slot].free_threads > 0;
    balancer_.Took(slot);
    CountAssigned(rows_[slot]);
    SetFree(slot, rows_[slot].free_threads);
    return had_one;
  }
  [[nodiscard]] bool AnyFree() const {
    return std::any_of(rows_.begin(), rows_.end(), [](const Candidate& row) { return row.free_threads > 0; });
  }

 private:
  Balancer balancer_;
  std::vector<Candidate> rows_;
};

}  // namespace

TEST_CASE("room: fewer connections and a shorter queue than the bounds, not stuck, the channel not full") {
  constexpr Bounds kBounds{100, 10};
  CHECK(HasRoom({.load = 99, .queued = 9}, kBounds));
  CHECK_FALSE(HasRoom({.load = 100}, kBounds));
  CHECK_FALSE(HasRoom({.queued = 10}, kBounds));
  CHECK_FALSE(HasRoom({.stuck = true}, kBounds));
  CHECK_FALSE(HasRoom({.full = true}, kBounds));
}

TEST_CASE("a last resort: application threads, and none free; what is on its way takes one") {
  Candidate candidate;
  CHECK_FALSE(IsLastResort(candidate));  // its handlers run in its loop
  candidate.threaded = true;
  CHECK(IsLastResort(candidate));
  candidate.free_threads = 2;
  CHECK_FALSE(IsLastResort(candidate));
  CountAssigned(candidate);
  CHECK_FALSE(IsLastResort(candidate));
  CountAssigned(candidate);
  CHECK(IsLastResort(candidate));
  CountAssigned(candidate);
  CHECK(candidate.free_threads == 0);
  CHECK(candidate.load == 3);
  CHECK(candidate.queued == 3);
  CHECK(HasRoom(candidate, {100, 10}));  // it still may get one
}

TEST_CASE("no slot to choose from") {
  for (const DispatchPolicy policy : kPolicies) {
    Slots slots(policy);
    CHECK_FALSE(slots.Choice().has_value());
    slots.Offer(2, 7);
    CHECK(slots.Choice() == 2);
    slots.Withdraw(2);
    CHECK_FALSE(slots.Choice().has_value());
    slots.Withdraw(900);
  }
}

TEST_CASE("least-connections: the emptiest, and ties go round") {
  Slots slots(DispatchPolicy::kLeastConnections, {3, 1, 2});
  CHECK(slots.Give() == 1);
  Slots equal(DispatchPolicy::kLeastConnections, {0, 0, 0, 0});
  CHECK(GiveMany(equal, 8) == std::vector<int>{1, 2, 3, 0, 1, 2, 3, 0});
}

TEST_CASE("least-connections: never more than one apart while nothing ends") {
  Slots slots(DispatchPolicy::kLeastConnections, {0, 0, 0, 0, 0});
  for (int i = 0; i < 333; ++i) {
    REQUIRE(slots.Give() >= 0);
    const auto [low, high] =
        std::minmax_element(slots.Loads().begin(), slots.Loads().end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; });
    CHECK(high->second - low->second <= 1);
  }
}

TEST_CASE(
    "gathering: as few slots as can run at once, each up to the depth, then the next ones, then the one with "
    "least") {
  Slots slots(DispatchPolicy::kLeastConnections, {0, 0, 0, 0});
  slots.Tree().Gather({.slots = 2, .depth = 3});
  CHECK(GiveMany(slots, 6) == std::vector<int>{1, 0, 1, 0, 1, 0});
  CHECK(GiveMany(slots, 6) == std::vector<int>{2, 2, 2, 3, 3, 3});
  CHECK(GiveMany(slots, 4) == std::vector<int>{0, 1, 2, 3});
  slots.Offer(0, 2);  // it is done with some
  CHECK(slots.Give() == 0);
  slots.Withdraw(1);
  slots.Offer(2, 1);  // one of the first two now
  CHECK(slots.Give() == 2);
  slots.Tree().Gather({});
  slots.Offer(3, 0);
  CHECK(slots.Give() == 3);
}

TEST_CASE("round-robin: in turn whatever the load; a slot without room loses only its turn") {
  Slots slots(DispatchPolicy::kRoundRobin, {50, 0, 7});
  CHECK(GiveMany(slots, 6) == std::vector<int>{1, 2, 0, 1, 2, 0});
  slots.Withdraw(1);
  CHECK(GiveMany(slots, 2) == std::vector<int>{2, 0});
  slots.Offer(1, 0);
  CHECK(slots.Give() == 1);
}

TEST_CASE("a slot of last resort is used when all are, and then the least loaded or the next in turn") {
  for (const DispatchPolicy policy : {DispatchPolicy::kLeastConnections, DispatchPolicy::kRoundRobin}) {
    Slots slots(policy, {0, 9, 0});
    slots.Offer(0, 0, true);
    slots.Offer(2, 0, true);
    CHECK(GiveMany(slots, 3) == std::vector<int>{1, 1, 1});
    slots.Withdraw(1);
    CHECK(GiveMany(slots, 4) == std::vector<int>{2, 0, 2, 0});
    slots.Offer(1, 500);
    CHECK(slots.Give() == 1);
  }
  Slots wild(DispatchPolicy::kLeastConnections);  // rows of misbehaving workers
  wild.Offer(0, ~std::uint64_t{0});
  wild.Offer(1, 0, true);
  CHECK(wild.Choice() == 0);
  wild.Offer(0, ~std::uint64_t{0}, true);
  CHECK(wild.Choice() == 1);
  wild.Withdraw(1);
  CHECK(wild.Choice() == 0);
}

TEST_CASE("client-hash: a client keeps a slot of last resort; one without an address does not get it") {
  Slots slots(DispatchPolicy::kClientHash, {0, 0, 0});
  const std::uint32_t home = *slots.Choice(77);
  slots.Offer(home, 0, true);
  CHECK(slots.Choice(77) == home);
  for (int i = 0; i < 10; ++i) CHECK(slots.Give(std::nullopt) != static_cast<int>(home));
}

TEST_CASE("gathering does not choose a slot of last resort while another one has room") {
  Slots slots(DispatchPolicy::kLeastConnections, {0, 0, 0});
  slots.Tree().Gather({.slots = 1, .depth = 2});
  slots.Offer(0, 0, true);
  CHECK(GiveMany(slots, 4) == std::vector<int>{1, 1, 2, 2});
  CHECK(slots.Choice() != 0);
}

TEST_CASE("random walk: never a slot without a free thread while another one has one") {
  for (const DispatchPolicy policy : kPolicies) {
    std::mt19937_64 random(static_cast<unsigned>(policy) + 7);
    Workers workers(policy, 13);
    int waited = 0;
    for (int step = 0; step < 50'000; ++step) {
      const auto slot = static_cast<std::uint32_t>(random() % 13);
      switch (random() % 4) {
        case 0: workers.SetFree(slot, random() % 4); break;
        case 1: workers.End(slot); break;
        default: {
          const bool one_is_free = workers.AnyFree();
          const bool got_free = workers.Give(std::nullopt);
          REQUIRE(got_free == one_is_free);
          waited += got_free ? 0 : 1;
          break;
        }
      }
    }
    CHECK(waited > 1000);
  }
}

TEST_CASE("round-robin goes on behind a slot that was removed") {
  Slots slots(DispatchPolicy::kRoundRobin, {0, 0, 0});
  CHECK(slots.Give() == 1);
  slots.Withdraw(1);
  CHECK(GiveMany(slots, 2) == std::vector<int>{2, 0});
}

TEST_CASE(
    "client-hash: a client stays; a slot that leaves moves only its own, one that joins takes only its own") {
  for (const std::uint32_t leaving : {0U, 2U, 3U}) {
    Slots slots(DispatchPolicy::kClientHash, {0, 0, 0, 0});
    std::mt19937_64 random(leaving);
    std::map<std::uint64_t, std::uint32_t> homes;
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t client = random();
      homes[client] = *slots.Choice(client);
      CHECK(static_cast<std::uint32_t>(slots.Give(client)) == homes[client]);
    }
    slots.Withdraw(leaving);
    for (const auto& [client, home] : homes) {
      if (home != leaving) CHECK(slots.Choice(client) == home);
      if (home == leaving) CHECK(slots.Choice(client) != leaving);
    }
    slots.Offer(leaving, 0);
    for (const auto& [client, home] : homes) CHECK(slots.Choice(client) == home);
    slots.Offer(4, 0);
    for (const auto& [client, home] : homes)
      CHECK((slots.Choice(client) == home || slots.Choice(client) == 4));
  }
}

TEST_CASE("client-hash: a client without an address goes to the least loaded slot") {
  Slots slots(DispatchPolicy::kClientHash, {3, 0, 2});
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) order.push_back(slots.Give(std::nullopt));
  CHECK(order == std::vector<int>{1, 1, 2, 1, 2});
}

TEST_CASE("client-hash spreads clients over the slots, wherever their numbers are") {
  for (const std::vector<std::uint32_t>& numbers :
       {std::vector<std::uint32_t>{0, 1, 2, 3}, std::vector<std::uint32_t>{4, 5, 6, 7}, {1, 2, 5, 11}}) {
    Slots slots(DispatchPolicy::kClientHash);
    for (const std::uint32_t number : numbers) slots.Offer(number, 0);
    std::map<std::uint32_t, int> clients;
    for (std::uint64_t client = 0; client < 4000; ++client) ++clients[*slots.Choice(client)];
    for (const std::uint32_t number : numbers) {
      CHECK(clients[number] > 800);
      CHECK(clients[number] < 1200);
    }
  }
}

TEST_CASE("seeded random walk: the tree chooses what the plain definition chooses") {
  for (const DispatchPolicy policy : kPolicies) {
    Slots slots(policy);
    std::uint32_t last = 0;
    Gathering gathering;
    std::mt19937_64 random(static_cast<unsigned>(policy) + 1);
    // The number of slots varies over the walk: some are rarely more than one.
    std::uint32_t highest = 1;
    for (int step = 0; step < 100'000; ++step) {
      if (step % 5000 == 0) highest = 1U << (random() % 9);
      const auto slot = static_cast<std::uint32_t>(random() % highest);
      switch (random() % 8) {
        case 0: slots.Withdraw(slot); break;
        case 1: slots.Withdraw(static_cast<std::uint32_t>(random() % 256)); break;
        case 2:
        case 3: slots.Offer(slot, random() % 10, random() % 3 == 0); break;
        case 4:
          if (random() % 50 != 0) break;
          gathering = Gathering{static_cast<std::uint32_t>(1 + random() % 4), random() % 10};
          slots.Tree().Gather(gathering);
          break;
        default: {
          const bool has_address = random() % 4 != 0;
          const auto client = has_address ? std::optional<std::uint64_t>(random()) : std::nullopt;
          const auto choice = slots.Choice(client);
          REQUIRE(choice == Plain(policy, gathering, slots, last).Choice(client));
          if (slots.Give(client) >= 0) last = *choice;
          break;
        }
      }
    }
  }
}

}  // namespace preforkd::testing
