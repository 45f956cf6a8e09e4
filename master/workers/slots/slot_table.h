// SlotTable: every slot that has ever had a worker, by its number. Owns them. They keep their addresses.
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

  // Makes it, if there is none of that number.
  WorkerSlot& Of(Slot slot);
  [[nodiscard]] const std::vector<std::unique_ptr<WorkerSlot>>& All() const { return slots_; }
  // The slot whose process runs and has that pid. nullptr: there is none.
  [[nodiscard]] WorkerSlot* FindRunning(pid_t pid) const;
  // Writes the state of a slot into its row.
  void Publish(const WorkerRecord& record);

 private:
  const Scoreboard& scoreboard_;
  Ledger& ledger_;
  std::vector<std::unique_ptr<WorkerSlot>> slots_;  // index = slot
};

}  // namespace preforkd

#endif
