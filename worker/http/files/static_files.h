// StaticFiles: the handler that answers with the files of one folder.
//
// Only regular files, only beneath the folder that its path leads to now (served_root.h), never a listing. A
// folder is answered with its index file. Sent with sendfile, never mapped: a file that shrinks while it is
// sent ends the response short and cannot kill the worker.
#ifndef PREFORKD_WORKER_HTTP_FILES_STATIC_FILES_H_
#define PREFORKD_WORKER_HTTP_FILES_STATIC_FILES_H_

#include <memory>
#include <string>

#include "common/base/result.h"
#include "worker/http/answer/handler.h"

namespace preforkd {

// Error: `root` cannot be opened.
Result<std::unique_ptr<HttpHandler>> MakeStaticFiles(const std::string& root, const std::string& index);

}  // namespace preforkd

#endif
