// Refusal: the status with which a request is refused. Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_REFUSAL_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_REFUSAL_H_

namespace preforkd::http {

using Refusal = int;
inline constexpr Refusal kAccepted = 0;  // not refused

}  // namespace preforkd::http

#endif
