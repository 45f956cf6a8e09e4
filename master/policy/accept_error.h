// Maps errors of accept4(2) to what the listener does next. Pure.
#ifndef PREFORKD_MASTER_POLICY_ACCEPT_ERROR_H_
#define PREFORKD_MASTER_POLICY_ACCEPT_ERROR_H_

namespace preforkd {

enum class AcceptReaction {
  kBatchDone,  // the backlog is empty
  kRetry,      // only this connection failed; accept the next one now
  kPause,      // no room for any connection: stop watching the listener for a while, or the loop would spin
  kBroken,     // this listener will never accept again
};

// `errnum` is the errno of accept4(2). Unknown values map to kPause.
AcceptReaction ReactionTo(int errnum);

}  // namespace preforkd

#endif
