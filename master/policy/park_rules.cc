#include "master/policy/park_rules.h"

namespace preforkd {
ParkVerdict JudgeArrival(const ParkReading& reading) {
  if (reading.has_work) return ParkVerdict::kDispatch;
  if (reading.stopping) return ParkVerdict::kClose;
  if (reading.max == 0) return ParkVerdict::kDispatch;
  const bool full = reading.parked >= reading.max;
  if (!full && !reading.table_full) return ParkVerdict::kPark;
  return reading.parked > 0 ? ParkVerdict::kEvictFirst : ParkVerdict::kDispatch;
}

}  // namespace preforkd
