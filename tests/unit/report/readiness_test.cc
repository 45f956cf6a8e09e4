// Who may send us requests.
#include "common/report/readiness.h"

#include <doctest/doctest.h>

namespace preforkd {
namespace {

TEST_CASE("ready is one ready worker and a master that does not stop") {
  Result<Scoreboard> board = Scoreboard::Create();
  REQUIRE(board.Ok());
  CHECK_FALSE(IsReady(board.Value()));
  board.Value().Use(Slot{1023}).state = SlotState::kReady;
  CHECK(IsReady(board.Value()));
  board.Value().Master().state = MasterState::kReloading;
  CHECK(IsReady(board.Value()));
  board.Value().Master().state = MasterState::kStopping;
  CHECK_FALSE(IsReady(board.Value()));
}

}  // namespace
}  // namespace preforkd
