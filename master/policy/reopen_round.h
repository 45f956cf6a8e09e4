// ReopenRound: which workers still write to the old log files after a request to reopen them.
//
// A round ends when every worker has answered, or is gone (dead, or retiring: it is told nothing any more,
// and leaves). A new round takes the place of one that has not ended: who has the newest files has the older
// ones too.
#ifndef PREFORKD_MASTER_POLICY_REOPEN_ROUND_H_
#define PREFORKD_MASTER_POLICY_REOPEN_ROUND_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace preforkd {

class ReopenRound {
 public:
  // These workers are to be told. Returns the number of the round, which their answers must carry.
  std::uint64_t Begin(const std::vector<WorkerId>& workers);
  void Told(WorkerId worker);
  void Reopened(WorkerId worker, std::uint64_t round);
  void Gone(WorkerId worker);

  [[nodiscard]] std::uint64_t Number() const { return number_; }
  [[nodiscard]] bool Ended() const { return missing_.empty(); }
  [[nodiscard]] std::vector<WorkerId> Untold() const;
  // "slots 1, 4"
  [[nodiscard]] std::string Missing() const;

 private:
  std::uint64_t number_ = 0;
  std::map<WorkerId, bool> missing_;  // true: told
};

}  // namespace preforkd

#endif
