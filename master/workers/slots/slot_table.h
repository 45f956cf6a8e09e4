// SlotTable: all slots that ever had a worker, by number. Owns them. Their addresses are stable.
#ifndef PREFORKD_MASTER_WORKERS_SLOTS_SLOT_TABLE_H_
#define PREFORKD_MASTER_WORKERS_SLOTS_SLOT_TABLE_H_

#include <sys/types.h>

#include <memory>
#include <vector>

#include "common/scoreboard/ledger.h"
#include "common/scoreboard/scoreboard.h"
#include "master/policy/fleet/worker_table.h"
#include "master/workers/slots/worker_slot.h"

namespace preforkd {

class SlotTable {
 public:
  // Both outlive the table.
  SlotTable(const Scoreboard& scoreboard, Ledger& ledger) : scoreboard_(scoreboard), ledger_(ledger) {}

  // Creates the slot if there is none with that number.
  WorkerSlot& Of(Slot slot);
  [[nodiscard]] const std::vector<std::unique_ptr<WorkerSlot>>& All() const { return slots_; }
  // The slot whose running process has that pid; nullptr: none.
  [[nodiscard]] WorkerSlot* FindRunning(pid_t pid) const;
  // Writes the state of the record into the scoreboard row of its slot.
  void Publish(const WorkerRecord& record);

 private:
  const Scoreboard& scoreboard_;
  Ledger& ledger_;
  std::vector<std::unique_ptr<WorkerSlot>> slots_;  // index = slot
};

}  // namespace preforkd

#endif
