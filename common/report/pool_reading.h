// What the scoreboard says of pools, read for a report: their rows, and the workers that each of them has.
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
  bool used = false;  // else it is one of an earlier configuration, of which workers may still finish
  PoolState state{};
  std::uint64_t workers_wanted = 0;
  std::uint64_t workers_max = 0;
  std::uint64_t waiting = 0;
  bool gathers = false;
  std::array<std::uint64_t, kSlotStates> workers{};  // by state

  [[nodiscard]] std::uint64_t Workers(SlotState of) const { return workers[static_cast<std::size_t>(of)]; }
  [[nodiscard]] bool HasWorkers() const;
};

// In the order of their numbers: the index is a PoolId.
std::vector<PoolReading> ReadPools(const Scoreboard& scoreboard);
// Of the pools in use, extras not counted.
std::uint64_t WorkersWanted(const std::vector<PoolReading>& pools);

// The name of the worker's pool. Empty when it is in none of `pools`.
std::string PoolNameOf(const WorkerRow& row, const std::vector<PoolReading>& pools);

}  // namespace preforkd

#endif
