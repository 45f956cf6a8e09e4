// PlaceFiles: the handler of places with files: which file of the root a request means. StaticFiles sends it.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACE_FILES_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACE_FILES_H_

#include <functional>
#include <memory>
#include <string_view>

#include "common/base/result.h"
#include "worker/http/answer/handler.h"
#include "worker/http/files/file_rules.h"

namespace preforkd::http {

// The request means the file that has this path, the index of a folder or a fallback. True: another place is
// for that path, and has answered. False: the file may be sent.
using Elsewhere = std::function<bool(const HttpRequest&, std::string_view path, HttpResponse&, Deferral&)>;

// One for all places that have these rules; a request says which of them it is in. `elsewhere`: nullptr:
// there are no other places. Error: the root cannot be opened.
Result<std::unique_ptr<RequestHandler>> MakePlaceFiles(const FileRules& rules, Elsewhere elsewhere);

}  // namespace preforkd::http

#endif
