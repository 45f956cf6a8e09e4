// What an error of accept4(2) asks for. Pure.
#ifndef PREFORKD_MASTER_POLICY_ACCEPT_ERROR_H_
#define PREFORKD_MASTER_POLICY_ACCEPT_ERROR_H_

namespace preforkd {

enum class AcceptReaction {
  kBatchDone,  // nothing is waiting
  kRetry,      // this one connection failed; the next may not
  kPause,      // no room for any connection now: stop looking for a while, or the loop would spin
  kBroken,     // this listener will never accept again
};

AcceptReaction ReactionTo(int errnum);

}  // namespace preforkd

#endif
