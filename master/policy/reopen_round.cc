#include "master/policy/reopen_round.h"

#include <fmt/format.h>

namespace preforkd {

std::uint64_t ReopenRound::Begin(const std::vector<WorkerId>& workers) {
  missing_.clear();
  for (const WorkerId& worker : workers) missing_[worker] = false;
  return ++number_;
}

void ReopenRound::Told(WorkerId worker) {
  if (const auto found = missing_.find(worker); found != missing_.end()) found->second = true;
}

void ReopenRound::Reopened(WorkerId worker, std::uint64_t round) {
  if (round == number_) missing_.erase(worker);
}

void ReopenRound::Gone(WorkerId worker) { missing_.erase(worker); }

std::vector<WorkerId> ReopenRound::Untold() const {
  std::vector<WorkerId> untold;
  for (const auto& [worker, told] : missing_) {
    if (!told) untold.push_back(worker);
  }
  return untold;
}

std::string ReopenRound::Missing() const {
  std::vector<std::uint32_t> slots;
  for (const auto& [worker, told] : missing_) slots.push_back(Raw(worker.slot));
  return fmt::format("slot{} {}", slots.size() == 1 ? "" : "s", fmt::join(slots, ", "));
}

}  // namespace preforkd
