// conditional: evaluates the preconditions of a request (RFC 9110 section 13). Pure.
//
// If-Match and If-None-Match are lists, on any number of lines. The other fields are not: a date on several
// lines is invalid, and If-Range on several lines matches nothing.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_CONDITIONAL_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_CONDITIONAL_H_

#include <ctime>
#include <optional>
#include <string_view>

#include "worker/http/syntax/modified.h"
#include "worker/http/syntax/request.h"

namespace preforkd::http {

// The current validators of the file or page.
struct Validators {
  std::string_view etag;             // strong, with its quotes
  std::optional<Modified> modified;  // unset: no Last-Modified
};

enum class Precondition { kProceed, kNotModified, kFailed };

// For GET and HEAD. Invalid dates, and dates later than `now`, are ignored.
Precondition CheckPreconditions(const HttpRequest& request, const Validators& file, std::time_t now);

// True if a Range field may be used: there is no If-Range, or it matches this version of the file.
bool RangeApplies(const HttpRequest& request, const Validators& file, std::time_t now);

}  // namespace preforkd::http

#endif
