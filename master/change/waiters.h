// Waiters: the operator's requests that wait for a change, under the numbers by which the policy knows them.
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
  // Answers all of them, and forgets them.
  void Answer(const std::vector<WaiterId>& waiters, const ControlReply& reply);

  // Answers everybody who waits; the results of their changes are not heard any more.
  void Dismiss(const ControlReply& reply);

 private:
  std::map<WaiterId, ControlAnswer> answers_;
  std::uint64_t last_ = 0;
};

}  // namespace preforkd

#endif
