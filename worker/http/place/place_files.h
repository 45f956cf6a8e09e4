// PlaceFiles: the handler of places with files: which file of the root a request means. StaticFiles sends it.
#ifndef PREFORKD_WORKER_HTTP_PLACE_PLACE_FILES_H_
#define PREFORKD_WORKER_HTTP_PLACE_PLACE_FILES_H_

#include <memory>

#include "common/base/result.h"
#include "worker/http/answer/handler.h"
#include "worker/http/files/file_rules.h"

namespace preforkd::http {

// One for all places that have these rules; a request says which of them it is in. Error: the root cannot be
// opened.
Result<std::unique_ptr<RequestHandler>> MakePlaceFiles(const FileRules& rules);

}  // namespace preforkd::http

#endif
