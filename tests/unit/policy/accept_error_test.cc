#include "master/policy/accept_error.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <initializer_list>

namespace preforkd::testing {

TEST_CASE("nothing waits: the batch is over") { CHECK(ReactionTo(EAGAIN) == AcceptReaction::kBatchDone); }

TEST_CASE("one connection failed: the next may not") {
  for (const int errnum : {EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
                           EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT, EPERM}) {
    CAPTURE(errnum);
    CHECK(ReactionTo(errnum) == AcceptReaction::kRetry);
  }
}

TEST_CASE("no room, or an unknown error: pause for a while, or the loop would spin") {
  for (const int errnum : {EMFILE, ENFILE, ENOBUFS, ENOMEM, 0, 4095}) {
    CAPTURE(errnum);
    CHECK(ReactionTo(errnum) == AcceptReaction::kPause);
  }
}

TEST_CASE("this listener will never accept again") {
  for (const int errnum : {EBADF, EINVAL, ENOTSOCK, EFAULT}) {
    CAPTURE(errnum);
    CHECK(ReactionTo(errnum) == AcceptReaction::kBroken);
  }
}

}  // namespace preforkd::testing
