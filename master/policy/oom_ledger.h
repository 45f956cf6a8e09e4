// OomLedger: tells which SIGKILL of a worker came from the OOM killer. Pure: fed with the kernel's kill
// count.
//
// The kernel's count changes some moments before or after we see the exit, and does not name the process. So
// each counted kill may explain one exit by SIGKILL soon after.
#ifndef PREFORKD_MASTER_POLICY_OOM_LEDGER_H_
#define PREFORKD_MASTER_POLICY_OOM_LEDGER_H_

#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace preforkd {

class OomLedger {
 public:
  // A kill that was counted longer ago than this hit another process.
  static constexpr Duration kFresh = std::chrono::seconds(5);

  // `count`: the kernel's count now. The first call sets the base.
  void Note(std::uint64_t count, Time now);
  // A worker exited by a SIGKILL that we did not send. True, and uses up one kill, if a counted one explains
  // it.
  bool Claim(Time now);

 private:
  std::optional<std::uint64_t> count_;
  std::uint64_t unclaimed_ = 0;
  Time counted_at_{};
};

}  // namespace preforkd

#endif
