// Refusal: the status that a request is refused with. Pure.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_REFUSAL_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_REFUSAL_H_

namespace preforkd::http {

using Refusal = int;
inline constexpr Refusal kAccepted = 0;  // there is nothing to refuse

}  // namespace preforkd::http

#endif
