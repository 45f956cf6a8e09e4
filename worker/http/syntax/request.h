// HttpRequest: one request as a handler sees it.
//
// Every view points into buffers that the service shares between its connections: valid until Handle returns,
// never to be kept.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_REQUEST_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_REQUEST_H_

#include <optional>
#include <span>
#include <string_view>

#include "common/net/address.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd {

enum class HttpMethod { kGet, kHead, kPost, kPut, kDelete, kOptions, kTrace, kPatch, kConnect };

struct HttpField {
  std::string_view name;   // as sent; compare without regard to case
  std::string_view value;  // without the whitespace around it
};

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string_view method_name;
  std::string_view target;  // as sent
  // Decoded once, dot segments resolved, runs of '/' merged: begins with '/', never leaves the root, holds no
  // NUL. "*" for `OPTIONS *`.
  std::string_view path;
  std::string_view query;  // behind the '?', as sent
  std::string_view host;   // of the target when it is absolute, else of the Host field; may be empty in 1.0
  int minor_version = 1;   // HTTP/1.x
  std::span<const HttpField> fields;
  std::string_view body;
  bool keep_alive = true;               // what the client asks for; the server may still close
  const SocketAddress* peer = nullptr;  // never null in Handle

  // A field may be there on several lines (RFC 9110 section 5.3). Which of these three to ask is a matter of
  // the field.

  // The first line of that name: for what is only shown, and to see whether there is one.
  [[nodiscard]] std::optional<std::string_view> Field(std::string_view name) const {
    for (const HttpField& field : fields) {
      if (http::EqualsNoCase(field.name, name)) return field.value;
    }
    return std::nullopt;
  }
  // The value of a field that is no list, such as a date. nullopt also for several lines: they are no valid
  // value, and to choose one of them would be to guess what somebody in front of us has chosen.
  [[nodiscard]] std::optional<std::string_view> OnlyField(std::string_view name) const {
    std::optional<std::string_view> only;
    for (const HttpField& field : fields) {
      if (!http::EqualsNoCase(field.name, name)) continue;
      if (only) return std::nullopt;
      only = field.value;
    }
    return only;
  }
  // Calls `use` with the value of each line of that name, in order: together they are one list. For their
  // elements see http::ForEachElement.
  template <typename Use>
  void ForEachLine(std::string_view name, Use use) const {
    for (const HttpField& field : fields) {
      if (http::EqualsNoCase(field.name, name)) use(field.value);
    }
  }
};

}  // namespace preforkd

#endif
