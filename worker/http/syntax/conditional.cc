#include "worker/http/syntax/conditional.h"

#include <algorithm>
#include <optional>

#include "worker/http/syntax/http_date.h"
#include "worker/http/syntax/syntax.h"

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

// The size of the first tag of `list`, up to its comma. A comma within quotes is part of the tag.
std::size_t FirstTagSize(std::string_view list) {
  bool quoted = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (list[i] == ',' && !quoted) return i;
  }
  return list.size();
}

// True if `list` is "*" or contains the entity tag.
bool Lists(std::string_view list, std::string_view etag, Comparison comparison) {
  while (!list.empty()) {
    const std::size_t size = FirstTagSize(list);
    const std::string_view tag = TrimBlanks(list.substr(0, size));
    if (tag == "*" || SameTag(tag, etag, comparison)) return true;
    list.remove_prefix(std::min(size + 1, list.size()));
  }
  return false;
}

// True if any line of the field lists the tag.
bool FieldLists(const HttpRequest& request, std::string_view name, std::string_view etag,
                Comparison comparison) {
  bool found = false;
  request.ForEachLine(name, [&](std::string_view list) { found = found || Lists(list, etag, comparison); });
  return found;
}

// Returns nullopt also if the file has no date; the field is then ignored.
std::optional<std::time_t> DateField(const HttpRequest& request, std::string_view name,
                                     const Validators& file, std::time_t now) {
  const std::optional<std::string_view> value = request.OnlyField(name);
  return value && file.modified ? ParseDate(*value, now) : std::nullopt;
}

bool IsUnmodified(const Validators& file, std::time_t since) { return file.modified->latest <= since; }

}  // namespace

Precondition CheckPreconditions(const HttpRequest& request, const Validators& file, std::time_t now) {
  // In the order of RFC 9110 section 13.2.2: a tag takes precedence over a date.
  if (request.Field("if-match")) {
    if (!FieldLists(request, "if-match", file.etag, Comparison::kStrong)) return Precondition::kFailed;
  } else if (const auto date = DateField(request, "if-unmodified-since", file, now)) {
    if (!IsUnmodified(file, *date)) return Precondition::kFailed;
  }
  if (request.Field("if-none-match")) {
    return FieldLists(request, "if-none-match", file.etag, Comparison::kWeak) ? Precondition::kNotModified
                                                                              : Precondition::kProceed;
  }
  const std::optional<std::time_t> since = DateField(request, "if-modified-since", file, now);
  return since && *since <= now && IsUnmodified(file, *since) ? Precondition::kNotModified
                                                              : Precondition::kProceed;
}

bool RangeApplies(const HttpRequest& request, const Validators& file, std::time_t now) {
  if (!request.Field("if-range")) return true;
  const std::optional<std::string_view> condition = request.OnlyField("if-range");
  if (!condition) return false;
  if (condition->starts_with('"') || condition->starts_with("W/")) {
    return SameTag(*condition, file.etag, Comparison::kStrong);
  }
  // A date is a strong validator only if the file cannot have changed again within that second.
  return file.modified && file.modified->exact && file.modified->told < now - 1 &&
         ParseDate(*condition, now) == file.modified->told;
}

}  // namespace preforkd::http
