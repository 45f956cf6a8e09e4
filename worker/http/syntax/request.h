// HttpRequest: one request as a handler sees it.
//
// All views point into buffers shared by the service's connections: they are valid until Handle returns and
// must not be kept.
#ifndef PREFORKD_WORKER_HTTP_SYNTAX_REQUEST_H_
#define PREFORKD_WORKER_HTTP_SYNTAX_REQUEST_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/net/address.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd {

struct TlsFacts;  // common/tls/tls_facts.h
namespace http {
struct Place;  // worker/http/place/place.h
}

enum class HttpMethod { kGet, kHead, kPost, kPut, kDelete, kOptions, kTrace, kPatch, kConnect };

struct HttpField {
  std::string_view name;   // as sent; compare case-insensitively
  std::string_view value;  // without surrounding whitespace
};

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string_view method_name;
  std::string_view target;  // as sent
  // Decoded once, dot segments resolved, runs of '/' merged. It begins with '/', never leaves the root, and
  // contains no NUL. "*" for `OPTIONS *`.
  std::string_view path;
  // For a handler that sees only the rest of a path: what is directly before `path`, in memory too.
  std::string_view mount{};
  std::string_view query;  // after the '?', as sent
  std::string_view host;   // from an absolute target, else from the Host field; may be empty in HTTP/1.0
  int minor_version = 1;   // HTTP/1.x
  std::span<const HttpField> fields;
  std::string_view body;
  bool body_follows = false;            // in pieces (RequestHandler::WantsPieces); `body` is empty
  bool keep_alive = true;               // requested by the client; the server may still close
  const SocketAddress* peer = nullptr;  // never nullptr in Handle
  std::uint64_t connection = 0;         // number of the connection, as in the log
  const TlsFacts* tls = nullptr;        // of its TLS session; nullptr: it is plain
  // What its host and its path say about the answer; nullptr: the service has no places. Another place may
  // take over (Places, which alone sets it then).
  mutable const http::Place* place = nullptr;
  bool moved = false;  // another place has taken over: `path` is the one by which it was found
  // Who has sent it, by a password (AccessGuard, which alone sets it); empty: nobody was asked. Stays valid.
  mutable std::string_view user{};
  // It has waited in another worker for a thread, and is answered with 504 if it is not begun by then.
  std::optional<std::chrono::steady_clock::time_point> answer_by{};

  // With what is before it.
  [[nodiscard]] std::string_view FullPath() const {
    return mount.empty() ? path : std::string_view(mount.data(), mount.size() + path.size());
  }

  // A field may occur on several lines (RFC 9110 section 5.3). Which of these three functions to use depends
  // on the field.

  // The first line of that name: for display, or to test whether there is one.
  [[nodiscard]] std::optional<std::string_view> Field(std::string_view name) const {
    for (const HttpField& field : fields) {
      if (http::EqualsNoCase(field.name, name)) return field.value;
    }
    return std::nullopt;
  }
  // The value of a field that is not a list, such as a date. nullopt also if there are several lines: that is
  // not valid, and an intermediary may have used another one than we would.
  [[nodiscard]] std::optional<std::string_view> OnlyField(std::string_view name) const {
    std::optional<std::string_view> only;
    for (const HttpField& field : fields) {
      if (!http::EqualsNoCase(field.name, name)) continue;
      if (only) return std::nullopt;
      only = field.value;
    }
    return only;
  }
  // Calls `use` with the value of each line of that name, in order. Together they are one list; for its
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
