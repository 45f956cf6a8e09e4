// conditional: whether the client's preconditions let a request be answered with the file (RFC 9110 section
// 13). Pure.
#ifndef PREFORKD_WORKER_HTTP_CONDITIONAL_H_
#define PREFORKD_WORKER_HTTP_CONDITIONAL_H_

#include <ctime>
#include <string_view>

#include "worker/http/request.h"

namespace preforkd::http {

// What the file is at this moment.
struct Validators {
  std::string_view etag;  // strong, with its quotes
  std::time_t modified = 0;
};

enum class Precondition { kProceed, kNotModified, kFailed };

// For GET and HEAD. Dates that are none, or lie in the future of `now`, are ignored.
Precondition CheckPreconditions(const HttpRequest& request, const Validators& file, std::time_t now);

// Whether a Range field may be obeyed: there is no If-Range, or it names exactly this file.
bool RangeApplies(const HttpRequest& request, const Validators& file, std::time_t now);

}  // namespace preforkd::http

#endif
