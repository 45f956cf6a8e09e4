// Which password is checked next, and which one gives way: random walks, and the order by hand.
#include "worker/http/access/password_turns.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace preforkd::testing {
namespace {

using http::PasswordTurns;
using Entered = PasswordTurns::Entered;

HostAddress ClientOf(int number) {
  HostAddress address{.family = HostFamily::kIPv4};
  address.bytes[3] = static_cast<std::uint8_t>(number);
  return address;
}

TEST_CASE("clients are served in turn, each its oldest first") {
  PasswordTurns turns(16, 4);
  for (std::uint64_t number = 10; number < 14; ++number)
    CHECK(turns.Enter(number, ClientOf(1)).entered == Entered::kWaits);
  CHECK(turns.Enter(20, ClientOf(2)).entered == Entered::kWaits);
  CHECK(turns.Enter(30, ClientOf(3)).entered == Entered::kWaits);
  CHECK(turns.Enter(14, ClientOf(1)).entered == Entered::kTooMany);
  std::vector<std::uint64_t> order;
  while (const auto next = turns.Begin()) {
    CHECK_FALSE(turns.Begin());  // one at a time
    order.push_back(*next);
    turns.End();
  }
  CHECK(order == std::vector<std::uint64_t>{10, 20, 30, 11, 12, 13});
}

TEST_CASE("four clients with four each, and a fifth that comes") {
  PasswordTurns turns(16, 4);
  std::uint64_t number = 0;
  for (int client = 1; client <= 4; ++client) {
    for (int i = 0; i < 4; ++i) CHECK(turns.Enter(++number, ClientOf(client)).entered == Entered::kWaits);
  }
  CHECK(turns.Begin() == 1);  // client 1 has three waiting then
  CHECK(turns.Enter(17, ClientOf(1)).entered == Entered::kTooMany);
  const PasswordTurns::Verdict verdict = turns.Enter(20, ClientOf(5));
  CHECK(verdict.entered == Entered::kWaits);
  CHECK(verdict.displaced == 8);  // the newest of the first that has four
  CHECK(turns.Waiting(ClientOf(2)) == 3);
  CHECK(turns.Size() == 16);
  turns.End();
  // From when it came, each of the others has one turn before it.
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 5; ++i) {
    order.push_back(turns.Begin().value());
    turns.End();
  }
  CHECK(order == std::vector<std::uint64_t>{5, 9, 13, 2, 20});
}

TEST_CASE("nobody loses its only one, and equals do not displace each other") {
  PasswordTurns turns(4, 4);
  for (const int client : {1, 2, 3, 4})
    CHECK(!turns.Enter(static_cast<std::uint64_t>(client), ClientOf(client)).displaced);
  CHECK(turns.Enter(5, ClientOf(5)).entered == Entered::kFull);
  PasswordTurns two(3, 4);
  CHECK(!two.Enter(1, ClientOf(1)).displaced);
  CHECK(!two.Enter(2, ClientOf(1)).displaced);
  CHECK(!two.Enter(3, ClientOf(2)).displaced);
  CHECK(two.Enter(4, ClientOf(2)).entered == Entered::kFull);
  CHECK(two.Enter(5, ClientOf(3)).displaced == 2);
}

TEST_CASE("a check that another client waits for gives way after those that only its own does") {
  PasswordTurns turns(6, 4);
  for (std::uint64_t number = 1; number <= 4; ++number) CHECK(!turns.Enter(number, ClientOf(1)).displaced);
  CHECK(!turns.Enter(5, ClientOf(2)).displaced);
  CHECK(!turns.Enter(6, ClientOf(2)).displaced);
  turns.Join(4, ClientOf(2));
  turns.Join(3, ClientOf(1));  // its own client
  turns.Join(9, ClientOf(3));  // waits no longer
  CHECK(turns.Enter(7, ClientOf(3)).displaced == 3);
  turns.Join(1, ClientOf(3));
  CHECK(turns.Enter(8, ClientOf(4)).displaced == 2);
  // Client 1 has two, as client 2, and both are shared: room is made all the same.
  CHECK(turns.Enter(9, ClientOf(5)).displaced == 4);
  CHECK(turns.Waiting(ClientOf(1)) == 1);
  CHECK(turns.Begin() == 1);
}

TEST_CASE("random walk: bounds, fairness and turns hold after each step") {
  constexpr std::size_t kMax = 16;
  constexpr std::size_t kOfClient = 4;
  std::mt19937_64 random(20261127);
  const auto below = [&](int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); };
  PasswordTurns turns(kMax, kOfClient);
  std::map<std::uint64_t, int> waiting;  // number to client
  std::set<std::uint64_t> shared;        // those that another client waits for too
  std::map<int, std::set<int>> served;   // since that client waits without a turn: the others that had one
  std::optional<std::uint64_t> running;
  int of_running = 0;
  std::uint64_t number = 0;
  int displaced = 0, full = 0, too_many = 0, some_shared = 0, all_shared = 0;
  const auto count = [&](int client) {
    return static_cast<std::size_t>(std::count_if(waiting.begin(), waiting.end(),
                                                  [&](const auto& each) { return each.second == client; }));
  };
  const auto count_shared = [&](int client) {
    return std::count_if(waiting.begin(), waiting.end(), [&](const auto& each) {
      return each.second == client && shared.contains(each.first);
    });
  };
  const auto most = [&] {
    std::size_t best = 0;
    for (const auto& [each, client] : waiting) best = std::max(best, count(client));
    return best;
  };
  const auto gone = [&](std::uint64_t each) {
    const int client = waiting.at(each);
    waiting.erase(each);
    if (count(client) == 0) served.erase(client);
  };
  for (int step = 0; step < 100'000; ++step) {
    if (!waiting.empty() && below(4) == 0) {
      const auto each = std::next(waiting.begin(), below(static_cast<int>(waiting.size())));
      const int client = 1 + below(6);
      turns.Join(each->first, ClientOf(client));
      if (client != each->second) shared.insert(each->first);
    }
    const int choice = below(10);
    if (choice < 6) {
      const int client = 1 + below(step % 1000 < 500 ? 6 : 30);
      const std::size_t own = count(client) + (running && of_running == client ? 1 : 0);
      const std::size_t before = waiting.size() + (running ? 1 : 0);
      const PasswordTurns::Verdict verdict = turns.Enter(++number, ClientOf(client));
      if (own >= kOfClient) {
        REQUIRE(verdict.entered == Entered::kTooMany);
        ++too_many;
      } else if (before < kMax) {
        REQUIRE(verdict.entered == Entered::kWaits);
        REQUIRE_FALSE(verdict.displaced);
      } else if (most() > count(client) + 1) {
        REQUIRE(verdict.entered == Entered::kWaits);
        REQUIRE(verdict.displaced);
        const int loser = waiting.at(*verdict.displaced);
        REQUIRE(count(loser) == most());
        // The newest of those that are no other's, or of all.
        const bool last_choice = shared.contains(*verdict.displaced);
        for (const auto& [each, owner] : waiting) {
          if (owner != loser || (!last_choice && shared.contains(each))) continue;
          REQUIRE(each <= *verdict.displaced);
          REQUIRE(shared.contains(each) == last_choice);
        }
        (last_choice ? all_shared : some_shared) += count_shared(loser) > 0 ? 1 : 0;
        gone(*verdict.displaced);
        ++displaced;
      } else {
        REQUIRE(verdict.entered == Entered::kFull);
        ++full;
      }
      if (verdict.entered == Entered::kWaits) {
        if (count(client) == 0) served[client].clear();
        waiting[number] = client;
      }
    } else if (choice < 9) {
      if (running) turns.End();
      running = turns.Begin();
      REQUIRE(running.has_value() == !waiting.empty());
      if (running) {
        of_running = waiting.at(*running);
        for (const auto& [each, client] : waiting) REQUIRE((client != of_running || each >= *running));
        gone(*running);
        // Nobody has two turns while another one waits for its first.
        for (auto& [client, others] : served) {
          if (client != of_running) REQUIRE(others.insert(of_running).second);
        }
        if (count(of_running) > 0) served[of_running].clear();
      }
    } else if (!waiting.empty()) {
      const auto each = std::next(waiting.begin(), below(static_cast<int>(waiting.size())));
      const std::uint64_t leaves = each->first;
      gone(leaves);
      REQUIRE(turns.Remove(leaves));
      REQUIRE_FALSE(turns.Remove(leaves));
    }
    REQUIRE(turns.Size() == waiting.size() + (running ? 1 : 0));
    REQUIRE(turns.Size() <= kMax);
    for (const auto& [client, others] : served) REQUIRE(turns.Waiting(ClientOf(client)) == count(client));
  }
  // The walk has been everywhere.
  CHECK(displaced > 1000);
  CHECK(full > 1000);
  CHECK(too_many > 100);
  CHECK(some_shared > 100);
  CHECK(all_shared > 10);
}

}  // namespace
}  // namespace preforkd::testing
