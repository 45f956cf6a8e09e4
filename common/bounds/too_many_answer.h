// TooManyAnswer: what a client gets over plain HTTP whose connection is refused before a request is read: 429
// with Retry-After (RFC 6585 section 4). It is the last on the connection.
#ifndef PREFORKD_COMMON_BOUNDS_TOO_MANY_ANSWER_H_
#define PREFORKD_COMMON_BOUNDS_TOO_MANY_ANSWER_H_

#include <string>

#include "common/base/clock.h"

namespace preforkd {

std::string TooManyAnswer(Duration retry_after);

}  // namespace preforkd

#endif
