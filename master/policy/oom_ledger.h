// OomLedger: which death by SIGKILL was the OOM killer's? Pure: fed with the kernel's count of its kills.
//
// The count grows some moments before or after we hear of the death, and does not say who died. So each kill
// that is counted may explain one death by SIGKILL soon after.
#ifndef PREFORKD_MASTER_POLICY_OOM_LEDGER_H_
#define PREFORKD_MASTER_POLICY_OOM_LEDGER_H_

#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace preforkd {

class OomLedger {
 public:
  // A kill that was counted longer ago than this has taken somebody else.
  static constexpr Duration kFresh = std::chrono::seconds(5);

  // The kernel's count now. The first one is the base.
  void Note(std::uint64_t count, Time now);
  // A worker has died of SIGKILL that we did not send: true when a kill is left that explains it.
  bool Claim(Time now);

 private:
  std::optional<std::uint64_t> count_;
  std::uint64_t unclaimed_ = 0;
  Time counted_at_{};
};

}  // namespace preforkd

#endif
