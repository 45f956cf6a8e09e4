#include "master/policy/accept_error.h"

#include <cerrno>

namespace preforkd {

AcceptReaction ReactionTo(int errnum) {
  switch (errnum) {
    case EAGAIN: return AcceptReaction::kBatchDone;
    case EINTR:
    case ECONNABORTED:
    // Errors of the new connection that were pending when it was accepted; accept(2), "Error handling".
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT:
    case EPERM:
      return AcceptReaction::kRetry;  // EPERM: a firewall rule
    // The listener stays readable while these last.
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return AcceptReaction::kPause;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EFAULT: return AcceptReaction::kBroken;
    default: return AcceptReaction::kPause;  // unknown: a pause loses no connection
  }
}

}  // namespace preforkd
