#include "worker/http/conditional.h"

#include <optional>

#include "worker/http/http_date.h"
#include "worker/http/syntax.h"

namespace preforkd::http {
namespace {

enum class Comparison { kStrong, kWeak };

bool SameTag(std::string_view listed, std::string_view etag, Comparison comparison) {
  if (listed.starts_with("W/")) {
    if (comparison == Comparison::kStrong) return false;
    listed.remove_prefix(2);
  }
  return listed == etag;
}

// `list` is "*" or entity tags. A comma inside a tag splits it into two pieces that match nothing of ours.
bool Lists(std::string_view list, std::string_view etag, Comparison comparison) {
  if (list == "*") return true;
  bool found = false;
  ForEachElement(list, [&](std::string_view tag) { found = found || SameTag(tag, etag, comparison); });
  return found;
}

// False too when the field is no date: it is ignored then.
bool IsAfter(std::time_t modified, std::optional<std::time_t> date) {
  return date && modified > *date;
}

std::optional<std::time_t> DateField(const HttpRequest& request, std::string_view name, std::time_t now) {
  const std::optional<std::string_view> value = request.Field(name);
  return value ? ParseDate(*value, now) : std::nullopt;
}

}  // namespace

Precondition CheckPreconditions(const HttpRequest& request, const Validators& file, std::time_t now) {
  // The order is the one of RFC 9110 section 13.2.2; a tag wins over a date.
  if (const auto match = request.Field("if-match")) {
    if (!Lists(*match, file.etag, Comparison::kStrong)) return Precondition::kFailed;
  } else if (IsAfter(file.modified, DateField(request, "if-unmodified-since", now))) {
    return Precondition::kFailed;
  }
  if (const auto none_match = request.Field("if-none-match")) {
    return Lists(*none_match, file.etag, Comparison::kWeak) ? Precondition::kNotModified
                                                            : Precondition::kProceed;
  }
  const std::optional<std::time_t> since = DateField(request, "if-modified-since", now);
  if (since && *since <= now && !IsAfter(file.modified, since)) return Precondition::kNotModified;
  return Precondition::kProceed;
}

bool RangeApplies(const HttpRequest& request, const Validators& file, std::time_t now) {
  const std::optional<std::string_view> condition = request.Field("if-range");
  if (!condition) return true;
  if (condition->starts_with('"') || condition->starts_with("W/")) {
    return SameTag(*condition, file.etag, Comparison::kStrong);
  }
  // A date is a strong validator only when the file cannot have changed again within that second.
  return ParseDate(*condition, now) == file.modified && now - file.modified > 1;
}

}  // namespace preforkd::http
