// WorkersHandover: the workers in an upgrade: described for the program after this one, and taken over from
// the program before it.
#ifndef PREFORKD_MASTER_WORKERS_WORKERS_HANDOVER_H_
#define PREFORKD_MASTER_WORKERS_WORKERS_HANDOVER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "common/scoreboard/foreign_board.h"
#include "master/upgrade/state/upgrade_state.h"
#include "master/workers/slots/supervisor_parts.h"
#include "master/workers/worker_logs.h"
#include "master/workers/worker_starter.h"

namespace preforkd {

class WorkersHandover {
 public:
  // All outlive this.
  WorkersHandover(const SupervisorParts& parts, const WorkerLogs& logs, WorkerStarter& starter)
      : parts_(parts), logs_(logs), starter_(starter) {}

  // Makes it so, where that is possible at once, that everything can be described: no ended worker waits to
  // be settled, no connection is in the channel of a slot without a worker, and no worker owes an answer.
  // False: it is not so now.
  bool Prepare();
  // Precondition: Prepare() has just been true, or nobody resumes from `state`.
  void Save(UpgradeState& state) const;
  // Goes on with the workers that `state` names, as those of `generation`.
  // Error: one could not be watched, or its board not be read.
  Status Restore(const GenerationSpec& generation, const UpgradeState& state);
  // There is no way back any more: boards that no worker writes to are let go.
  void EndWayBack() { boards_before_.clear(); }

 private:
  [[nodiscard]] SavedWorker SaveWorker(const WorkerSlot& slot, UpgradeState& state) const;
  // The number in `state` of the board that the slot's worker writes to: of the older ones only those that
  // have a worker are left to the successor.
  std::uint64_t SaveBoard(const WorkerSlot& slot, UpgradeState& state) const;

  Status MapBoards(const UpgradeState& state);
  Status RestoreFleet(const GenerationSpec& generation, const UpgradeState& state) const;
  // What the program before this one has counted.
  void RestoreCounters(const UpgradeState& state) const;
  Status RestoreWorker(const SavedWorker& saved);

  SupervisorParts parts_;
  const WorkerLogs& logs_;
  WorkerStarter& starter_;
  // Of the programs before this one, theirs first, until there is no way back.
  std::vector<std::shared_ptr<ForeignBoard>> boards_before_;
};

}  // namespace preforkd

#endif
