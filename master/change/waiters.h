// Waiters: the operator's requests that wait for a change, under the ids that the policy uses for them.
#ifndef PREFORKD_MASTER_CHANGE_WAITERS_H_
#define PREFORKD_MASTER_CHANGE_WAITERS_H_

#include <map>
#include <vector>

#include "master/control/control_client.h"
#include "master/policy/change/change_actions.h"

namespace preforkd {

class Waiters {
 public:
  WaiterId Add(ControlAnswer answer);
  // Answers each of `waiters` and forgets it. Precondition: each was added and not answered yet.
  void Answer(const std::vector<WaiterId>& waiters, const ControlReply& reply);

  // Answers all waiting requests now; later answers to them are dropped.
  void Dismiss(const ControlReply& reply);

 private:
  std::map<WaiterId, ControlAnswer> answers_;
  std::uint64_t last_ = 0;
};

}  // namespace preforkd

#endif
