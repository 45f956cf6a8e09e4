#include "common/process/descriptor_budget.h"

#include "common/process/limits.h"

namespace preforkd {

bool DescriptorBudget::HasPlenty(std::uint64_t wanted) const {
  return in_use_at_most_() + kReserve + wanted < DescriptorLimit();
}

bool DescriptorBudget::HasRoomForClient() const { return HasDescriptorRoom(in_use_at_most_(), kReserve + 1); }

bool DescriptorBudget::HasRoomToReceive() const { return HasDescriptorRoom(in_use_at_most_(), 2); }

}  // namespace preforkd
