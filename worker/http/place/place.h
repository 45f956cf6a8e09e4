// Place: what applies to one request, by its host and its path. Made once, when the service starts, and never
// changed while it serves. A request points to its place (HttpRequest::place).
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACE_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "worker/http/access/access_rules.h"
#include "worker/http/answer/answer_rules.h"
#include "worker/http/answer/error_pages.h"
#include "worker/http/coding/compress_rules.h"
#include "worker/http/files/file_rules.h"

namespace preforkd {

class RequestHandler;

namespace http {

enum class PlaceKind : std::uint8_t {
  kOwn,       // the service's own handler answers
  kFiles,     // files of a root
  kRedirect,  // the client is sent elsewhere
  kDenied,
};

struct RedirectRules {
  std::string target;
  int status = 301;
  bool append = true;      // the rest of the path, and the query
  std::size_t prefix = 0;  // bytes of the path before that rest
};

// Where a place is written, for who explains it.
struct PlaceSource {
  std::optional<std::size_t> host{};      // its place among the tables of the service
  std::optional<std::size_t> location{};  // its place among those of the service, or of the host
  bool location_of_host = false;
};

struct Place {
  PlaceKind kind = PlaceKind::kOwn;
  // Shared with the places around it and in it that set nothing of it. The first three are never nullptr.
  std::shared_ptr<const FileRules> files{};
  std::shared_ptr<const AnswerRules> answer{};
  std::shared_ptr<const CompressRules> compress{};
  std::shared_ptr<const ErrorPages> pages{};    // nullptr: none
  std::shared_ptr<const AccessRules> access{};  // nullptr: every client may
  std::string fallback{};                       // a file of the root; empty: none
  bool hidden_files = false;                    // they are served
  std::size_t prefix = 0;                       // bytes of the path that are not looked up in the root
  RedirectRules redirect{};
  int denied = 404;                   // the status of all answers, if it is denied
  RequestHandler* handler = nullptr;  // answers instead of the service's own one, which it is if nullptr
  PlaceSource source{};
};

}  // namespace http
}  // namespace preforkd

#endif
