// WorkersHandover: saves the workers' state for the next program, and restores it from the previous one.
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
  // All references outlive this.
  WorkersHandover(const SupervisorParts& parts, const WorkerLogs& logs, WorkerStarter& starter)
      : parts_(parts), logs_(logs), starter_(starter) {}

  // True if the worker state can be saved now: no exited worker is unprocessed, no channel of a slot without
  // a worker holds connections, no log-reopen reply is pending. Reclaims such connections first.
  bool Prepare();
  // Descriptors in `state` are borrowed. Precondition: Prepare() has just returned true, unless `state` is
  // only checked.
  void Save(UpgradeState& state) const;
  // Resumes with the workers in `state` as those of `generation`. Takes over their descriptors.
  // Error: a worker could not be watched, or its scoreboard could not be read.
  Status Restore(const GenerationSpec& generation, const UpgradeState& state);
  // There is no way back any more: releases scoreboards that no worker writes to.
  void EndWayBack() { boards_before_.clear(); }

 private:
  [[nodiscard]] SavedWorker SaveWorker(const WorkerSlot& slot, UpgradeState& state) const;
  // The index in `state` of the scoreboard that the slot's worker writes to. Of the older boards only those
  // with a worker are saved.
  std::uint64_t SaveBoard(const WorkerSlot& slot, UpgradeState& state) const;

  Status MapBoards(const UpgradeState& state);
  Status RestoreFleet(const GenerationSpec& generation, const UpgradeState& state) const;
  // Copies the counters of the previous program.
  void RestoreCounters(const UpgradeState& state) const;
  Status RestoreWorker(const SavedWorker& saved);

  SupervisorParts parts_;
  const WorkerLogs& logs_;
  WorkerStarter& starter_;
  // Scoreboards of previous programs, the last program's first; kept until there is no way back.
  std::vector<std::shared_ptr<ForeignBoard>> boards_before_;
};

}  // namespace preforkd

#endif
