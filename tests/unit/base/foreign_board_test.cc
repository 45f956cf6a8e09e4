// The board of another program: the counts of its workers show on ours, whether its rows are longer than ours
// or not, and memory that is not a board is refused.
#include "common/scoreboard/foreign_board.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <vector>

namespace preforkd::testing {
namespace {

UniqueFd Copy(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

struct World {
  Scoreboard theirs = Scoreboard::Create().Value();
  Scoreboard ours = Scoreboard::Create().Value();

  std::shared_ptr<ForeignBoard> Map() { return ForeignBoard::Map(Copy(theirs.Fd()), ours.Master()).Value(); }
  std::string Refusal() {
    UniqueFd memory = Copy(theirs.Fd());
    const auto board = ForeignBoard::Map(std::move(memory), ours.Master());
    if (board.Ok()) return "";
    CHECK(memory.Valid());  // NOLINT: not moved from, as its contract says
    return board.Err().text;
  }
};

// The counters of a row from `begin` on, up to the texts.
std::vector<Counter*> CountersOf(WorkerRow& row, std::size_t begin) {
  std::vector<Counter*> counters;
  for (std::size_t at = begin; at < offsetof(WorkerRow, doing); at += sizeof(Counter)) {
    counters.push_back(reinterpret_cast<Counter*>(reinterpret_cast<char*>(&row) + at));
  }
  return counters;
}

}  // namespace

TEST_CASE("each counter of a worker shows later counts of the worker, and none of the master's is copied") {
  World world;
  WorkerRow& from = world.theirs.Use(Slot{2});
  WorkerRow& row = world.ours.Use(Slot{5});
  Set(from.handed_over, 7);
  const auto board = world.Map();
  const auto mirror = board->Mirror(Slot{2}, row);
  REQUIRE(mirror.Ok());
  std::uint64_t number = 100;
  for (Counter* counter : CountersOf(from, offsetof(WorkerRow, taken))) Set(*counter, number++);
  mirror.Value()->Refresh();
  number = 100;
  for (Counter* counter : CountersOf(row, offsetof(WorkerRow, taken))) CHECK(Get(*counter) == number++);
  CHECK(number > 100 + 30);
  CHECK(Get(row.handed_over) == 0);
  from.doing.Write("GET /x");
  CHECK(row.doing.Read().empty());
  mirror.Value()->RefreshTexts();
  CHECK(row.doing.Read() == "GET /x");
}

TEST_CASE("fields behind the texts: copied from a row that has them, 0 for one that has not") {
  World world;
  WorkerRow& from = world.theirs.Use(Slot{0});
  Set(from.threads, 4);
  Set(from.threads_busy_since_ns, 99);
  Set(from.module_counts.back(), 98);
  Set(from.handshakes.resumed, 97);
  WorkerRow& row = world.ours.Use(Slot{0});
  REQUIRE(world.Map()->Mirror(Slot{0}, row).Ok());
  CHECK(Get(row.threads) == 4);
  CHECK(Get(row.threads_busy_since_ns) == 99);
  CHECK(Get(row.module_counts.back()) == 98);
  CHECK(Get(row.handshakes.resumed) == 97);
  world.theirs.Master().header.row_bytes = WorkerRow::kMinBytes;  // a program without application threads
  WorkerRow& other = world.ours.Use(Slot{1});
  REQUIRE(world.Map()->Mirror(Slot{0}, other).Ok());
  CHECK(Get(other.threads) == 0);
}

TEST_CASE("a row that is longer than ours: the known fields are read, and nothing behind") {
  constexpr std::uint32_t kMore = sizeof(WorkerRow) - WorkerRow::kBytes;  // all that its pages have room for
  static_assert(kMore >= sizeof(Counter));
  World world;
  WorkerRow& from = world.theirs.Use(Slot{0});
  world.theirs.Master().header.row_bytes = WorkerRow::kBytes + kMore;
  from.size = WorkerRow::kBytes + kMore;
  from.version = WorkerRow::kVersion + 5;
  std::memset(reinterpret_cast<char*>(&from) + WorkerRow::kBytes, 0xFF, kMore);
  Set(from.requests, 77);
  WorkerRow& row = world.ours.Use(Slot{0});
  const auto mirror = world.Map()->Mirror(Slot{0}, row);
  REQUIRE(mirror.Ok());
  mirror.Value()->RefreshTexts();
  CHECK(Get(row.requests) == 77);
  CHECK(row.size == WorkerRow::kBytes);
  const auto* const behind = reinterpret_cast<const unsigned char*>(&row) + WorkerRow::kBytes;
  for (std::size_t i = 0; i < kMore; ++i) REQUIRE(behind[i] == 0);
}

TEST_CASE("a worker that overwrites the size of its row does not prevent it from being read") {
  World world;
  WorkerRow& from = world.theirs.Use(Slot{0});
  WorkerRow& row = world.ours.Use(Slot{0});
  const auto board = world.Map();
  for (const std::uint32_t size : {0U, 8U, ~0U}) {
    from.size = size;
    Set(from.requests, size);
    REQUIRE(board->Mirror(Slot{0}, row).Ok());
    CHECK(Get(row.requests) == size);
  }
  CHECK_FALSE(board->Mirror(Slot{kMaxSlots}, row).Ok());
}

TEST_CASE("totals of the server and of each slot go on; for running workers also the master's counts") {
  World world;
  MasterPage& page = world.theirs.Master();
  Set(page.pid, 4711);
  Set(page.accepted, 5);
  Set(page.calls_refused, 6);
  Set(page.module_counts_before.back(), 9);
  Set(page.handshakes_before.resumed, 10);
  Add(page.restarts.back()[RestartReason::kHang], 7);  // the last
  Set(page.generation, 8);                             // not a total
  for (const std::uint32_t slot : {0U, 1U}) {
    WorkerRow& row = world.theirs.Use(Slot{slot});
    Set(row.handed_over, 10 + slot);
    Set(row.pool, 3);
    Set(row.before.requests, 20 + slot);
    Set(row.before.cpu_ns, 30 + slot);
    Set(row.taken, 1);
  }
  const auto board = world.Map();
  board->CopyTotals();
  CHECK(Get(world.ours.Master().pid) == 4711);
  CHECK(Get(world.ours.Master().accepted) == 5);
  CHECK(Get(world.ours.Master().calls_refused) == 6);
  CHECK(Get(world.ours.Master().module_counts_before.back()) == 9);
  CHECK(Get(world.ours.Master().handshakes_before.resumed) == 10);
  CHECK(Get(world.ours.Master().restarts.back()[RestartReason::kHang]) == 7);
  CHECK(Get(world.ours.Master().generation) == 0);
  CHECK(board->SlotsUsed() == 2);
  for (const std::uint32_t slot : {0U, 1U}) {
    WorkerRow& row = world.ours.Use(Slot{slot});
    board->CopySlot(Slot{slot}, slot == 0, row);
    CHECK(Get(row.handed_over) == (slot == 0 ? 10 : 0));
    CHECK(Get(row.pool) == 3);
    CHECK(Get(row.before.requests) == 20 + slot);
    CHECK(Get(row.before.cpu_ns) == 30 + slot);
    CHECK(Get(row.taken) == 0);
  }
}

TEST_CASE("a program with fewer counters: the missing ones begin at 0") {
  World world;
  MasterPage& theirs = world.theirs.Master();
  theirs.header.totals_bytes = offsetof(MasterPage, calls_refused) - offsetof(MasterPage, pid);
  Set(theirs.accepted, 5);
  Set(theirs.calls_refused, 6);
  Set(theirs.module_counts_before.front(), 7);
  world.Map()->CopyTotals();
  CHECK(Get(world.ours.Master().accepted) == 5);
  CHECK(Get(world.ours.Master().calls_refused) == 0);
  CHECK(Get(world.ours.Master().module_counts_before.front()) == 0);
}

TEST_CASE("its workers see the master's state, and are taken out of the load") {
  World world;
  world.theirs.Use(Slot{1}).state = SlotState::kReady;
  const auto board = world.Map();
  board->Publish(MasterState::kStopping);
  CHECK(world.theirs.Master().state.load() == MasterState::kStopping);
  REQUIRE(board->Mirror(Slot{1}, world.ours.Use(Slot{1})).Ok());
  board->TakeOutOfService(Slot{1});
  CHECK(world.theirs.Row(Slot{1}).state.load() == SlotState::kRetiring);
  board->SetNoSuccessor(Slot{1});
  CHECK(Get(world.theirs.Row(Slot{1}).no_successor) == 1);
}

TEST_CASE("a row of an earlier version, without no_successor, stays as it is") {
  World world;
  world.theirs.Master().header.row_bytes = offsetof(WorkerRow, no_successor);
  WorkerRow& row = world.theirs.Use(Slot{1});
  const auto board = world.Map();
  REQUIRE(board->Mirror(Slot{1}, world.ours.Use(Slot{1})).Ok());
  board->SetNoSuccessor(Slot{1});
  CHECK(Get(row.no_successor) == 0);
}

TEST_CASE("lines that its workers drop are counted here, each once") {
  World world;
  world.theirs.Master().log_lines_dropped = 10;
  {
    const auto board = world.Map();
    world.theirs.Master().log_lines_dropped = 13;
    board->CollectDropped();
    board->CollectDropped();
    CHECK(Get(world.ours.Master().log_lines_dropped) == 3);
    board->CopyTotals();  // lines dropped before it was mapped
    CHECK(Get(world.ours.Master().log_lines_dropped) == 16);
    world.theirs.Master().access_lines_dropped = 2;
  }
  CHECK(Get(world.ours.Master().access_lines_dropped) == 2);
}

TEST_CASE("its lines are found at the offset in its header") {
  World world;
  REQUIRE(world.theirs.Lines(Slot{3}).Append("one\n"));
  CHECK(world.Map()->Lines(Slot{3}).Pending() == "one\n");
}

TEST_CASE("memory that is not a board, or has another layout, is refused, and stays the caller's") {
  World world;
  BoardHeader& header = world.theirs.Master().header;
  const BoardHeader good = header;
  CHECK(world.Refusal().empty());
  header.layout = kBoardLayout + 1;
  CHECK(world.Refusal() == fmt::format("the old scoreboard has layout {}, and this program reads {}",
                                       kBoardLayout + 1, kBoardLayout));
  header = good;
  header.magic = 0;
  CHECK(world.Refusal() == "the saved memory is not a scoreboard");
  std::vector<BoardHeader> bad(10, good);
  bad[0].bytes = good.bytes + 1'000'000;
  bad[1].rows_at = good.bytes;
  bad[2].row_stride = 0xffff'ffff'ffff'fff8U;
  bad[3].slots = 0xffff'ffffU;
  bad[4].row_bytes = WorkerRow::kMinBytes - 8;
  bad[5].dropped_at = 3;  // not aligned for a counter
  bad[6].totals_bytes = 0xffff'ffff'ffff'fff8U;
  bad[7].lines_at = good.bytes - 8;
  bad[8].bytes = 8;
  bad[9].row_bytes = good.row_stride + 8;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    header = bad[i];
    CHECK(world.Refusal().find("does not match its size") != std::string::npos);
  }
  header = good;
  const UniqueFd empty(::memfd_create("empty", MFD_CLOEXEC));
  CHECK(ForeignBoard::Map(Copy(empty.Get()), world.ours.Master()).Err().text ==
        "the old scoreboard is cut short");
}

}  // namespace preforkd::testing
