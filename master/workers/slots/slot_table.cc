#include "master/workers/slots/slot_table.h"

#include <algorithm>

namespace preforkd {
namespace {

SlotState StateOf(const WorkerRecord& record) {
  switch (record.state) {
    case WorkerState::kGone: return record.wanted ? SlotState::kGone : SlotState::kFree;
    case WorkerState::kStarting: return SlotState::kStarting;
    case WorkerState::kReady: return SlotState::kReady;
    case WorkerState::kRetiring: return SlotState::kRetiring;
  }
  return SlotState::kFree;
}

}  // namespace

WorkerSlot& SlotTable::Of(Slot slot) {
  while (slots_.size() <= Raw(slot)) {
    const auto number = static_cast<Slot>(slots_.size());
    slots_.push_back(std::make_unique<WorkerSlot>(number, scoreboard_.Use(number), ledger_));
  }
  return *slots_[Raw(slot)];
}

WorkerSlot* SlotTable::FindRunning(pid_t pid) const {
  const auto found = std::find_if(slots_.begin(), slots_.end(), [pid](const auto& slot) {
    return slot->Running() && slot->Process()->Pid() == pid;
  });
  return found != slots_.end() ? found->get() : nullptr;
}

void SlotTable::Publish(const WorkerRecord& record) {
  Of(record.slot).Row().state.store(StateOf(record), std::memory_order_relaxed);
}

}  // namespace preforkd
