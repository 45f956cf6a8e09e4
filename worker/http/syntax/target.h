// target: turns the request target into a path that a handler can trust. Pure.
//
// Percent-encoding is decoded exactly once; then dot segments are resolved and runs of '/' merged. In this
// order no encoding of "../" survives. Bytes above 0x7f are opaque: an overlong UTF-8 '/' is not converted.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_TARGET_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_TARGET_H_

#include <optional>
#include <string>
#include <string_view>

namespace preforkd::http {

struct Target {
  std::string_view host;   // of an absolute target; else empty
  std::string_view path;   // in the caller's buffer; see HttpRequest::path
  std::string_view query;  // as sent
};

// `raw` has passed ParseRequestLine. nullopt: an invalid escape, an encoded NUL, or a path that would leave
// the root. `buffer` is overwritten; Target::path points into it.
std::optional<Target> ParseTarget(std::string_view raw, std::string& buffer);

// Appends `path` encoded for a Location field: everything except unreserved characters and '/' is encoded,
// including '\', which browsers treat as '/'.
void AppendEncodedPath(std::string_view path, std::string& out);

}  // namespace preforkd::http

#endif
