// conditional: whether the client's preconditions let a request be answered with what there is (RFC 9110
// section 13). Pure.
//
// If-Match and If-None-Match are lists, on however many lines. The others are not: a date on several lines is
// no date, and If-Range on several lines names nothing.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_CONDITIONAL_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_CONDITIONAL_H_

#include <ctime>
#include <optional>
#include <string_view>

#include "worker/http/syntax/modified.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// What the file, or page, is at this moment.
struct Validators {
  std::string_view etag;             // strong, with its quotes
  std::optional<Modified> modified;  // none: there is no Last-Modified
};

enum class Precondition { kProceed, kNotModified, kFailed };

// For GET and HEAD. Dates that are none, or lie in the future of `now`, are ignored.
Precondition CheckPreconditions(const HttpRequest& request, const Validators& file, std::time_t now);

// Whether a Range field may be obeyed: there is no If-Range, or it names exactly this version of the file.
bool RangeApplies(const HttpRequest& request, const Validators& file, std::time_t now);

}  // namespace preforkd::http

#endif
