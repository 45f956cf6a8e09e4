// The scoreboard: values are read as written, in another process too, and never a torn line.
#include "common/scoreboard/scoreboard.h"
#include "common/scoreboard/ledger.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <set>
#include <thread>

#include "common/base/clock.h"
#include "tests/support/fork_peer.h"

namespace preforkd::testing {
namespace {

Scoreboard Make() {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  return std::move(board).Value();
}

}  // namespace

TEST_CASE("a parent reads what its child writes") {
  const Scoreboard board = Make();
  const PeerResult result = RunPeer([&board] {
    WorkerRow& row = board.Row(static_cast<Slot>(kMaxSlots - 1));
    Add(row.requests, 41);
    Add(row.requests);
    row.doing.Write("GET /");
    return 0;
  });
  REQUIRE(result.Ok());
  const WorkerRow& row = board.Row(static_cast<Slot>(kMaxSlots - 1));
  CHECK(Get(row.requests) == 42);
  CHECK(row.doing.Read() == "GET /");
}

TEST_CASE("untouched memory is a new row") {
  const auto row =
      std::make_unique<std::array<unsigned char, sizeof(WorkerRow) + alignof(WorkerRow)>>();  // zeros
  void* place = row->data();
  std::size_t space = row->size();
  REQUIRE(std::align(alignof(WorkerRow), sizeof(WorkerRow), place, space) != nullptr);
  ::new (place) WorkerRow;
  CHECK(std::all_of(row->begin(), row->end(), [](unsigned char byte) { return byte == 0; }));
  const Scoreboard board = Make();
  CHECK(board.Row(Slot{7}).state == SlotState::kFree);
  CHECK(board.Row(Slot{7}).size == 0);
  CHECK(board.Use(Slot{7}).size == WorkerRow::kBytes);
  CHECK(board.Row(Slot{3}).version == WorkerRow::kVersion);
}

TEST_CASE("derived numbers are never negative, whatever a misbehaving worker writes") {
  WorkerRow row;
  Set(row.handed_over, 10);
  Set(row.taken, 7);
  Set(row.finished, 3);
  Set(row.returned, 1);
  Set(row.reclaimed, 2);
  CHECK(row.Connections() == 3);
  CHECK(row.Queued() == 1);
  Set(row.finished, ~std::uint64_t{0} / 2);
  Set(row.taken, 11);
  CHECK(row.Connections() == 0);
  CHECK(row.Queued() == 0);
}

TEST_CASE("a row is clean for the next incarnation") {
  WorkerRow row;
  Set(row.handed_over, 10);
  Set(row.finished, 3);
  Set(row.cpu_ns, 3);
  Set(row.threads, 2);
  Set(row.threads_busy, 1);
  Set(row.requests_waiting, 4);
  Set(row.threads_busy_since_ns, 5);
  Set(row.module_counts.back(), 6);
  Set(row.handshakes.ended[HandshakeEnd::kOther], 7);
  Set(row.handshakes.resumed, 8);
  row.doing.Write("something");
  row.Clear();
  CHECK(Get(row.threads) == 0);
  CHECK(Get(row.threads_busy) == 0);
  CHECK(Get(row.requests_waiting) == 0);
  CHECK(Get(row.threads_busy_since_ns) == 0);
  CHECK(Get(row.module_counts.back()) == 0);
  CHECK(row.handshakes.ended.Sum() == 0);
  CHECK(Get(row.handshakes.resumed) == 0);
  CHECK(Get(row.handed_over) == 0);
  CHECK(Get(row.finished) == 0);
  CHECK(Get(row.cpu_ns) == 0);
  CHECK(row.doing.Read().empty());
}

TEST_CASE("the totals of a slot outlive the row") {
  WorkerRow row;
  for (std::uint64_t worker = 1; worker <= 3; ++worker) {
    Set(row.requests, 10 * worker);
    Set(row.cpu_ns, 7);
    row.dispatch_wait.Observe(std::chrono::milliseconds(1));
    row.AddToTotals();
    row.Clear();
    CHECK(Get(row.before.incarnations) == worker);
    CHECK(Get(row.dispatch_wait.sum_ns) == 0);
  }
  CHECK(Get(row.before.requests) == 60);
  CHECK(Get(row.before.cpu_ns) == 21);
}

TEST_CASE("readers look at the slots that have been used, and no further") {
  const Scoreboard board = Make();
  CHECK(board.SlotsUsed() == 0);
  Set(board.Use(Slot{4}).handed_over, 2);
  (void)board.Use(Slot{1});
  CHECK(board.SlotsUsed() == 5);
  CHECK(board.Account().in_progress == 2);
  board.Master().slots_used = ~0U;  // whatever is written there
  CHECK(board.SlotsUsed() == kMaxSlots);
}

TEST_CASE("readers look at the listeners that have been added, and there is an end of them") {
  const Scoreboard board = Make();
  CHECK(board.Listeners().empty());
  for (std::uint32_t i = 0; i < kMaxListenerRows; ++i) {
    ListenerRow* const row = board.AddListener();
    REQUIRE(row != nullptr);
    Set(row->accepted, i);
  }
  CHECK(board.AddListener() == nullptr);
  REQUIRE(board.Listeners().size() == kMaxListenerRows);
  CHECK(Get(board.Listeners().back().accepted) == kMaxListenerRows - 1);
  board.Master().listener_rows_used = ~0U;  // whatever is written there
  CHECK(board.Listeners().size() == kMaxListenerRows);
}

TEST_CASE("pools have a row for each possible number; readers stop behind the last one used") {
  const Scoreboard board = Make();
  CHECK(board.Pools().empty());
  PoolRow& third = board.UsePool(PoolId{2});
  third.name.Write("app");
  REQUIRE(board.Pools().size() == 3);
  CHECK(board.Pools()[2].name.Read() == "app");
  CHECK_FALSE(board.Pools()[1].used);
  CHECK(&board.UsePool(PoolId{2}) == &third);
  (void)board.UsePool(PoolId{255});
  CHECK(board.Pools().size() == kMaxPoolRows);
  board.Master().pools_used = ~0U;  // whatever is written there
  CHECK(board.Pools().size() == kMaxPoolRows);
}

TEST_CASE("a worker's row names its pool; an invalid number names none") {
  const Scoreboard board = Make();
  WorkerRow& row = board.Use(Slot{0});
  CHECK(board.PoolOf(row) == nullptr);
  (void)board.UsePool(PoolId{1});
  Ledger(board.Master()).WorkerBegins(row, Incarnation{1}, Generation{1}, PoolId{1}, Now());
  CHECK(board.PoolOf(row) == &board.Pools()[1]);
  row.Clear();
  CHECK(board.PoolOf(row) == &board.Pools()[1]);  // also of an ended worker
  Set(row.pool, ~std::uint64_t{0});
  CHECK(board.PoolOf(row) == nullptr);
}

TEST_CASE(
    "a worker can write to its own row and notes, and to no others, nor to a pool's or the client book") {
  const Scoreboard board = Make();
  PoolRow& pool = board.UsePool(kMainPool);
  const ClientTables clients = board.Clients();
  const auto counter_in = [](auto& object) { return reinterpret_cast<Counter*>(&object); };
  Counter* const counters[] = {&board.Use(Slot{1}).requests, &board.Use(Slot{0}).requests,
                               &board.Use(Slot{2}).requests, &pool.queue_length,
                               &board.Master().accepted,     counter_in(clients.book),
                               counter_in(clients.notes[0]), counter_in(clients.notes[2])};
  for (Counter* const counter : counters) {
    CAPTURE(counter - counters[0]);
    const std::uint64_t before = Get(*counter);  // the book begins with its key
    const PeerResult result = RunPeer([&board, counter] {
      if (!board.ConfineTo(Slot{1}).Ok()) return 1;
      ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report it
      Set(*counter, 5);
      return 0;
    });
    if (counter == counters[0]) {
      CHECK(result.Ok());
    } else {
      CHECK(result.signal == SIGSEGV);
    }
    CHECK(Get(*counter) == (counter == counters[0] ? 5 : before));
  }
  CHECK(Get(pool.queue_length) == 0);
  const PeerResult shared = RunPeer([&] {
    if (!board.ConfineTo(Slot{1}).Ok()) return 1;
    clients.notes[1].NoteEnd(70000);
    clients.rates.met[0].store(7);
    return 0;
  });
  CHECK(shared.Ok());
  std::size_t ended = 0;
  clients.notes[1].TakeEnds([&ended](std::size_t place) {
    ended = place;
    return true;
  });
  CHECK(ended == 70000);
  CHECK(clients.rates.met[0] == 7);
}

TEST_CASE("the totals of a slot that moves to another pool restart at 0; the server's go on") {
  const Scoreboard board = Make();
  Ledger ledger(board.Master());
  WorkerRow& row = board.Use(Slot{0});
  ledger.WorkerBegins(row, Incarnation{1}, Generation{1}, kMainPool, Now());
  Set(row.requests, 10);
  (void)ledger.WorkerEnded(row, 0, LossReason::kCrash);
  ledger.WorkerBegins(row, Incarnation{2}, Generation{1}, kMainPool, Now());
  CHECK(Get(row.before.requests) == 10);
  (void)ledger.WorkerEnded(row, 0, LossReason::kCrash);
  ledger.WorkerBegins(row, Incarnation{3}, Generation{2}, PoolId{4}, Now());
  CHECK(Get(row.before.requests) == 0);
  CHECK(Get(row.before.incarnations) == 0);
  CHECK(Get(board.Master().requests_moved) == 10);
}

TEST_CASE("a read at one moment is repeated if the master has changed something meanwhile") {
  const Scoreboard board = Make();
  int reads = 0;
  board.ReadAtOneMoment([&] {
    if (++reads < 3) Ledger(board.Master()).Accepted(1);
  });
  CHECK(reads == 3);
}

TEST_CASE("a line is cut at its capacity, and any bytes may be in it") {
  SharedText text;
  CHECK(text.Read().empty());
  const std::string exact(SharedText::kCapacity, 'x');
  text.Write(exact + "y");
  CHECK(text.Read() == exact);
  for (std::size_t size = 0; size <= 17; ++size) {
    const std::string bytes(size, '\0');
    text.Write(bytes);
    CHECK(text.Read() == bytes);
  }
}

TEST_CASE("a reader sees whole lines only, while the writer never stops") {
  SharedText text;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (char c = 'a'; !stop; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
      text.Write(std::string(static_cast<std::size_t>(c - 'a' + 1) * 8, c));
    }
  });
  std::set<char> seen;
  int torn = 0;
  const Time end = Now() + std::chrono::seconds(10);
  while (seen.size() < 20 && Now() < end) {
    const std::string line = text.Read();
    if (line.empty()) continue;
    const bool whole = line == std::string(static_cast<std::size_t>(line[0] - 'a' + 1) * 8, line[0]);
    torn += whole ? 0 : 1;
    seen.insert(line[0]);
  }
  stop = true;
  writer.join();
  CHECK(torn == 0);
  CHECK_FALSE(seen.empty());
}

TEST_CASE("names for every state, and for invalid ones") {
  CHECK(std::string(SlotStateName(SlotState::kRetiring)) == "retiring");
  CHECK(std::string(MasterStateName(MasterState::kReloading)) == "reloading");
  CHECK(std::string(SlotStateName(static_cast<SlotState>(77))) == "unknown");
  CHECK(std::string(MasterStateName(static_cast<MasterState>(77))) == "unknown");
  CHECK(std::string(PoolStateName(PoolState::kDegraded)) == "degraded");
  CHECK(std::string(PoolStateName(static_cast<PoolState>(77))) == "unknown");
}

}  // namespace preforkd::testing
