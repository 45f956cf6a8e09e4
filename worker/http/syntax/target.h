// target: from the request target to the path that a handler may trust. Pure.
//
// Percent-encoding is decoded exactly once, then dot segments are resolved and runs of '/' merged: in this
// order, so that no way of writing "../" survives. Bytes above 0x7f are opaque: an overlong UTF-8 '/' stays
// what it is.
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

// `raw` has passed ParseRequestLine. nullopt: a bad escape, an encoded NUL, or a path that would leave the
// root. `buffer` is replaced; Target::path points into it.
std::optional<Target> ParseTarget(std::string_view raw, std::string& buffer);

// Appends `path` in such a way that it can stand in a Location field: everything but unreserved characters
// and
// '/' is encoded, also '\', which browsers take for '/'.
void AppendEncodedPath(std::string_view path, std::string& out);

}  // namespace preforkd::http

#endif
