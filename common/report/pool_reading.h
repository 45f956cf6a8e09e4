// The pools of the scoreboard, read for a report: their rows, and the number of workers of each.
#ifndef PREFORKD_COMMON_REPORT_POOL_READING_H_
#define PREFORKD_COMMON_REPORT_POOL_READING_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/scoreboard/scoreboard.h"

namespace preforkd {

struct PoolReading {
  std::string name;
  std::string kind;
  // False: it belongs to an earlier configuration, and some of its workers may still be draining.
  bool used = false;
  PoolState state{};
  std::uint64_t workers_wanted = 0;
  std::uint64_t workers_max = 0;
  std::uint64_t waiting = 0;
  bool gathers = false;
  std::array<std::uint64_t, kRestartReasons> restarts{};  // by reason
  std::array<std::uint64_t, kSlotStates> workers{};       // by state

  [[nodiscard]] std::uint64_t Workers(SlotState of) const { return workers[static_cast<std::size_t>(of)]; }
  [[nodiscard]] std::uint64_t Restarts() const;
  [[nodiscard]] bool HasWorkers() const;
};

// In the order of their numbers: the index is a PoolId.
std::vector<PoolReading> ReadPools(const Scoreboard& scoreboard);
// The sum over the pools in use, without extras.
std::uint64_t WorkersWanted(const std::vector<PoolReading>& pools);

// Workers that ended unexpectedly, of all pools.
std::uint64_t Restarts(const std::vector<PoolReading>& pools);

// The name of the worker's pool. Empty if it is in none of `pools`.
std::string PoolNameOf(const WorkerRow& row, const std::vector<PoolReading>& pools);

}  // namespace preforkd

#endif
