#include "master/change/service_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "master/policy/service_state.h"

namespace preforkd {
namespace {

PoolState NextState(PoolState now, MasterState server, std::uint32_t ready, std::uint32_t starting) {
  if (server == MasterState::kStarting) return ready > 0 ? PoolState::kServing : PoolState::kStarting;
  const ServiceState before = now == PoolState::kDegraded ? ServiceState::kDegraded : ServiceState::kServing;
  const ServiceState next = NextServiceState(before, ready, starting);
  return next == ServiceState::kDegraded ? PoolState::kDegraded : PoolState::kServing;
}

// The text names the pool if there are several.
void LogChange(const std::string& pool, bool alone, PoolState before, PoolState next) {
  const std::string where = alone ? "" : fmt::format("pool \"{}\": ", pool);
  if (next == PoolState::kDegraded) {
    log::Error({log::kPoolDegraded, {{"pool", pool}}},
               "{}degraded: no worker is ready and none can be started for now; clients wait", where);
  } else if (before == PoolState::kDegraded) {
    log::Notice({log::kPoolRecovered, {{"pool", pool}}}, "{}no longer degraded: a worker is ready again",
                where);
  }
}

void Show(const MasterParts& parts, const PoolSpec& pool, PoolRow& row) {
  const Supervisor& supervisor = parts.supervisor;
  if (!row.used.load(std::memory_order_relaxed)) {
    row.kind.Write(pool.config->kind == PoolKind::kTls ? "tls" : "services");
    row.state.store(PoolState::kStarting, std::memory_order_relaxed);
    row.used.store(true, std::memory_order_release);
  }
  const bool stopping = supervisor.Workers().Stopping();
  Set(row.workers_wanted, stopping ? 0 : supervisor.Workers().Desired(pool.id));
  Set(row.workers_max, stopping ? 0 : supervisor.Counts().Max(pool.id));
}

void Judge(const MasterParts& parts, const PoolSpec& pool, PoolRow& row, bool alone) {
  const Supervisor& supervisor = parts.supervisor;
  if (supervisor.Workers().Stopping()) return;
  const PoolState before = row.state.load(std::memory_order_relaxed);
  const PoolState next = NextState(before, parts.context.Page().state.load(std::memory_order_relaxed),
                                   supervisor.Counts().InService(pool.id, WorkerState::kReady),
                                   supervisor.Counts().InService(pool.id, WorkerState::kStarting));
  if (next == before) return;
  LogChange(pool.config->name, alone, before, next);
  row.state.store(next, std::memory_order_relaxed);
}

// Hides the rows of pools that only an earlier configuration had, or only one that did not enter service.
void HideOthers(const Scoreboard& scoreboard, const std::vector<PoolSpec>& pools) {
  const std::span<PoolRow> rows = scoreboard.Pools();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::any_of(pools.begin(), pools.end(), [i](const PoolSpec& pool) { return Raw(pool.id) == i; }))
      continue;
    rows[i].used.store(false, std::memory_order_relaxed);
  }
}

}  // namespace

bool CanServe(const MasterParts& parts) {
  const std::vector<PoolSpec>& pools = parts.generations.Serving().pools;
  return std::all_of(pools.begin(), pools.end(), [&parts](const PoolSpec& pool) {
    const WorkerCounts& counts = parts.supervisor.Counts();
    return counts.Of(pool.id, WorkerState::kReady) + counts.Of(pool.id, WorkerState::kStarting) > 0;
  });
}

void JudgeService(const MasterParts& parts) {
  const Scoreboard& scoreboard = parts.context.scoreboard;
  const std::vector<PoolSpec>& pools = parts.generations.Serving().pools;
  bool degraded = false;
  for (const PoolSpec& pool : pools) {
    PoolRow& row = scoreboard.UsePool(pool.id);
    Show(parts, pool, row);
    Judge(parts, pool, row, pools.size() == 1);
    degraded = degraded || row.state.load(std::memory_order_relaxed) == PoolState::kDegraded;
  }
  HideOthers(scoreboard, pools);
  MasterPage& page = parts.context.Page();
  const MasterState state = page.state.load(std::memory_order_relaxed);
  const MasterState next = degraded ? MasterState::kDegraded : MasterState::kServing;
  if (next == state || (state != MasterState::kServing && state != MasterState::kDegraded)) return;
  page.state.store(next, std::memory_order_relaxed);
  parts.supervisor.PublishState(next);
}

}  // namespace preforkd
