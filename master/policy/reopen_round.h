// ReopenRound: tracks which workers still write to the old log files after a request to reopen them. Pure.
//
// A round ends when every worker has answered or is gone (exited, or retiring: it gets no more messages).
// A new round replaces one that has not ended: a worker with the newest files needs no older ones.
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
  // Starts a round for `workers`. Returns its number, which their answers must carry.
  std::uint64_t Begin(const std::vector<WorkerId>& workers);
  // The request has been sent to `worker`.
  void Told(WorkerId worker);
  // `worker` has answered. Answers of an earlier round are ignored.
  void Reopened(WorkerId worker, std::uint64_t round);
  // `worker` has exited or is retiring.
  void Gone(WorkerId worker);

  [[nodiscard]] std::uint64_t Number() const { return number_; }
  [[nodiscard]] bool Ended() const { return missing_.empty(); }
  [[nodiscard]] std::vector<WorkerId> Untold() const;
  // The slots that have not answered, for a message: "slots 1, 4".
  [[nodiscard]] std::string Missing() const;

 private:
  std::uint64_t number_ = 0;
  std::map<WorkerId, bool> missing_;  // value: the request has been sent
};

}  // namespace preforkd

#endif
