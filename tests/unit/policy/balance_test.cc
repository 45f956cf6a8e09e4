#include "master/policy/balance.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace preforkd {
namespace {

constexpr Bounds kBounds{100, 10};

std::vector<Candidate> Slots(std::initializer_list<std::uint64_t> loads) {
  std::vector<Candidate> table;
  for (const std::uint64_t load : loads) {
    table.push_back(Candidate{static_cast<std::uint32_t>(table.size()), load, 0, false});
  }
  return table;
}

// Gives one connection and books it, as the dispatcher does; the slot, or -1.
int Give(Balancer& balancer, std::vector<Candidate>& table, std::uint64_t client = 0) {
  const auto index = balancer.Choose(table, kBounds, client);
  if (!index) return -1;
  ++table[*index].load;
  return static_cast<int>(table[*index].slot);
}

}  // namespace

TEST_CASE("nobody to choose from") {
  for (const DispatchPolicy policy :
       {DispatchPolicy::kLeastConnections, DispatchPolicy::kRoundRobin, DispatchPolicy::kClientHash}) {
    Balancer balancer(policy);
    CHECK_FALSE(balancer.Choose({}, kBounds, 0).has_value());
    std::vector<Candidate> table = Slots({100, 5, 0});
    table[1].queued = 10;
    table[2].stuck = true;
    CHECK_FALSE(balancer.Choose(table, kBounds, 0).has_value());
    table[2].stuck = false;
    CHECK(balancer.Choose(table, kBounds, 0) == 2);
  }
}

TEST_CASE("least-connections: the emptiest, and ties go round") {
  Balancer balancer(DispatchPolicy::kLeastConnections);
  std::vector<Candidate> table = Slots({3, 1, 2});
  CHECK(Give(balancer, table) == 1);
  std::vector<int> order;
  std::vector<Candidate> equal = Slots({0, 0, 0, 0});
  Balancer fresh(DispatchPolicy::kLeastConnections);
  for (int i = 0; i < 8; ++i) order.push_back(Give(fresh, equal));
  CHECK(order == std::vector<int>{1, 2, 3, 0, 1, 2, 3, 0});
}

TEST_CASE("least-connections: never more than one apart while nothing ends") {
  Balancer balancer(DispatchPolicy::kLeastConnections);
  std::vector<Candidate> table = Slots({0, 0, 0, 0, 0});
  for (int i = 0; i < 333; ++i) {
    REQUIRE(Give(balancer, table) >= 0);
    const auto [low, high] = std::minmax_element(
        table.begin(), table.end(), [](const Candidate& a, const Candidate& b) { return a.load < b.load; });
    CHECK(high->load - low->load <= 1);
  }
}

TEST_CASE("round-robin: in turn whatever the load; a slot that is full loses only its turn") {
  Balancer balancer(DispatchPolicy::kRoundRobin);
  std::vector<Candidate> table = Slots({50, 0, 7});
  std::vector<int> order;
  for (int i = 0; i < 6; ++i) order.push_back(Give(balancer, table));
  CHECK(order == std::vector<int>{1, 2, 0, 1, 2, 0});
  table[1].queued = kBounds.max_queue;
  CHECK(Give(balancer, table) == 2);
  CHECK(Give(balancer, table) == 0);
  table[1].queued = 0;
  CHECK(Give(balancer, table) == 1);
}

TEST_CASE("round-robin goes on behind a slot that has left the table") {
  Balancer balancer(DispatchPolicy::kRoundRobin);
  std::vector<Candidate> table = Slots({0, 0, 0});
  CHECK(Give(balancer, table) == 1);
  table.erase(table.begin() + 1);
  CHECK(Give(balancer, table) == 2);
  CHECK(Give(balancer, table) == 0);
}

TEST_CASE("client-hash: a client stays, and a slot that leaves moves only its own clients") {
  Balancer balancer(DispatchPolicy::kClientHash);
  std::vector<Candidate> table = Slots({0, 0, 0, 0});
  std::mt19937_64 random(1);
  std::map<std::uint64_t, std::uint32_t> homes;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t client = random();
    homes[client] = table[*balancer.Choose(table, kBounds, client)].slot;
    CHECK(table[*balancer.Choose(table, kBounds, client)].slot == homes[client]);
  }
  table.erase(table.begin() + 2);
  for (const auto& [client, home] : homes) {
    const std::uint32_t now = table[*balancer.Choose(table, kBounds, client)].slot;
    if (home != 2) CHECK(now == home);
    if (home == 2) CHECK(now != 2);
  }
}

TEST_CASE("client-hash spreads clients over the slots") {
  Balancer balancer(DispatchPolicy::kClientHash);
  const std::vector<Candidate> table = Slots({0, 0, 0, 0});
  std::vector<int> clients(4);
  for (std::uint64_t client = 0; client < 4000; ++client) ++clients[*balancer.Choose(table, kBounds, client)];
  for (const int count : clients) {
    CHECK(count > 800);
    CHECK(count < 1200);
  }
}

}  // namespace preforkd
