// The board of another program, seen by its own description: what its workers count shows on ours, and a description that
// lies is refused.
#include "common/scoreboard/foreign_board.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/core.h>

#include <random>

#include "common/scoreboard/named_counters.h"

namespace preforkd {
namespace {

UniqueFd Copy(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

struct World {
  Scoreboard theirs = Scoreboard::Create().Value();
  Scoreboard ours = Scoreboard::Create().Value();

  Result<std::shared_ptr<ForeignBoard>> Map(const BoardDescription& description) {
    return ForeignBoard::Map(Copy(theirs.Fd()), description, ours.Master());
  }
  std::shared_ptr<ForeignBoard> Map() { return Map(theirs.Describe()).Value(); }
};

}  // namespace

TEST_CASE("each counter of a worker is found by its name, and shows what the worker counts later") {
  World world;
  const auto board = world.Map();
  WorkerRow& row = world.ours.Use(Slot{5});
  const auto mirror = board->Mirror(Slot{2}, row);
  REQUIRE(mirror.Ok());
  std::uint64_t number = 100;
  VisitWorkerCounters(world.theirs.Row(Slot{2}), [&](const std::string&, Counter& counter) { Set(counter, number++); });
  mirror.Value()->Refresh();
  number = 100;
  VisitWorkerCounters(row, [&](const std::string& name, Counter& counter) {
    CAPTURE(name);
    CHECK(Get(counter) == number++);
  });
  CHECK(number > 100 + 30);
  world.theirs.Row(Slot{2}).doing.Write("GET /x");
  CHECK(row.doing.Read().empty());
  mirror.Value()->RefreshTexts();
  CHECK(row.doing.Read() == "GET /x");
}

TEST_CASE("a board that is laid out otherwise: what it lacks stays as it is") {
  World world;
  BoardDescription other = world.theirs.Describe();
  const std::uint64_t requests = other.row_counters.at("requests");
  other.row_counters = {{"taken", requests}, {"whatever", 0}};  // its counter of another place, and one that we lack
  other.text_capacity = 64;
  const auto board = world.Map(other).Value();
  WorkerRow& row = world.ours.Use(Slot{0});
  Set(row.finished, 3);
  Set(world.theirs.Row(Slot{0}).requests, 77);
  world.theirs.Row(Slot{0}).doing.Write("text of another kind");
  const auto mirror = board->Mirror(Slot{0}, row).Value().get() != nullptr;
  CHECK(mirror);
  CHECK(Get(row.taken) == 77);
  CHECK(Get(row.finished) == 3);
  CHECK(row.doing.Read().empty());
}

TEST_CASE("its workers are told of the master's state, and count themselves out") {
  World world;
  const auto board = world.Map();
  board->Publish(MasterState::kStopping);
  CHECK(world.theirs.Master().state.load() == MasterState::kStopping);
  world.theirs.Row(Slot{1}).state = SlotState::kReady;
  REQUIRE(board->Mirror(Slot{1}, world.ours.Use(Slot{1})).Ok());
  board->TakeOutOfService(Slot{1});
  CHECK(world.theirs.Row(Slot{1}).state.load() == SlotState::kRetiring);
}

TEST_CASE("lines that its workers drop are counted here, each once") {
  World world;
  world.theirs.Master().log_lines_dropped = 10;  // counted by the program before, and in its totals
  {
    const auto board = world.Map();
    world.theirs.Master().log_lines_dropped = 13;
    board->CollectDropped();
    board->CollectDropped();
    CHECK(Get(world.ours.Master().log_lines_dropped) == 3);
    world.theirs.Master().access_lines_dropped = 2;
  }
  CHECK(Get(world.ours.Master().access_lines_dropped) == 2);
  CHECK(Get(world.ours.Master().log_lines_dropped) == 3);
}

TEST_CASE("its lines are found where ours would be, or not at all") {
  World world;
  REQUIRE(world.theirs.Lines(Slot{3}).Append("one\n"));
  const auto board = world.Map();
  const auto lines = board->Lines(Slot{3});
  REQUIRE(lines);
  CHECK(lines->Pending() == "one\n");
  BoardDescription other = world.theirs.Describe();
  ++other.line_version;
  CHECK_FALSE(world.Map(other).Value()->Lines(Slot{3}));
}

TEST_CASE("a description that does not fit is refused, and the memory stays the caller's") {
  World world;
  const BoardDescription good = world.theirs.Describe();
  std::vector<BoardDescription> bad(9, good);
  bad[0].bytes = good.bytes + 1'000'000;
  bad[1].rows_at = good.bytes;
  bad[2].row_bytes = 0xffff'ffff'ffff'fff8U;
  bad[3].slots = 0xffff'ffff'ffffU;
  bad[4].row_counters["taken"] = good.row_bytes;
  bad[5].row_counters["taken"] = 3;  // no place for a counter
  bad[6].state_at = 0xffff'ffff'ffff'fff8U;
  bad[7].row_texts["doing"] = good.row_bytes - 8;
  bad[8].lines_at = good.bytes - 8;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    UniqueFd memory = Copy(world.theirs.Fd());
    CHECK_FALSE(ForeignBoard::Map(std::move(memory), bad[i], world.ours.Master()).Ok());
    CHECK(memory.Valid());  // NOLINT: not moved from, as its contract says
  }
  CHECK_FALSE(world.Map()->Mirror(Slot{kMaxSlots}, world.ours.Use(Slot{0})).Ok());
}

TEST_CASE("the names of what travels are all different") {
  World world;
  std::map<std::string, int> names;
  VisitTotals(world.ours.Master(), [&](const std::string& name, Counter&) { ++names["page " + name]; });
  VisitWorkerCounters(world.ours.Row(Slot{0}), [&](const std::string& name, Counter&) { ++names["row " + name]; });
  VisitMastersCounters(world.ours.Row(Slot{0}), [&](const std::string& name, Counter&) { ++names["master " + name]; });
  VisitSlotTotals(world.ours.Row(Slot{0}).before, [&](const std::string& name, Counter&) { ++names["slot " + name]; });
  for (const auto& [name, count] : names) {
    CAPTURE(name);
    CHECK(count == 1);
  }
}

}  // namespace preforkd
