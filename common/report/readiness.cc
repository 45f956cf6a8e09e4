#include "common/report/readiness.h"

namespace preforkd {

bool IsReady(const Scoreboard& scoreboard) {
  if (scoreboard.Master().state.load(std::memory_order_relaxed) == MasterState::kStopping) return false;
  for (std::uint32_t i = 0; i < scoreboard.SlotsUsed(); ++i) {
    if (scoreboard.Row(Slot{i}).state.load(std::memory_order_relaxed) == SlotState::kReady) return true;
  }
  return false;
}

}  // namespace preforkd
