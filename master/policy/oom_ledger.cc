#include "master/policy/oom_ledger.h"

#include <utility>

namespace preforkd {

void OomLedger::Note(std::uint64_t count, Time now) {
  const std::uint64_t before = std::exchange(count_, count).value_or(count);
  if (count <= before) return;
  if (now - counted_at_ >= kFresh) unclaimed_ = 0;
  unclaimed_ += count - before;
  counted_at_ = now;
}

bool OomLedger::Claim(Time now) {
  if (unclaimed_ == 0 || now - counted_at_ >= kFresh) return false;
  --unclaimed_;
  return true;
}

}  // namespace preforkd
