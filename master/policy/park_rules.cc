#include "master/policy/park_rules.h"

namespace preforkd {
namespace {

// Descriptors that must stay free for accepting, forking, logs and configuration.
constexpr std::uint64_t kReserve = 64;

}  // namespace

ParkVerdict JudgeArrival(const ParkReading& reading) {
  if (reading.stopping) return ParkVerdict::kClose;
  if (reading.has_work || reading.most == 0) return ParkVerdict::kDispatch;
  const bool full = reading.parked >= reading.most;
  const bool table_full = reading.parked + reading.other_descriptors + kReserve >= reading.descriptor_limit;
  if (!full && !table_full) return ParkVerdict::kPark;
  return reading.parked > 0 ? ParkVerdict::kEvictFirst : ParkVerdict::kDispatch;
}

}  // namespace preforkd
