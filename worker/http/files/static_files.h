// StaticFiles: the handler that serves the files of one folder.
//
// It serves only regular files beneath the folder to which the configured path leads now (served_root.h). For
// a folder it sends the index file, or a list of what is in it if the rules say so. Files are sent with
// sendfile, never mapped: a file that shrinks while it is sent ends the response early, and cannot crash the
// worker.
#ifndef PREFORKD_WORKER_HTTP_FILES_STATIC_FILES_H_
#define PREFORKD_WORKER_HTTP_FILES_STATIC_FILES_H_

#include <memory>

#include "common/base/result.h"
#include "worker/http/answer/handler.h"
#include "worker/http/files/file_rules.h"

namespace preforkd {

// One for each place with files: several may have the same root. Error: the root cannot be opened.
Result<std::unique_ptr<HttpHandler>> MakeStaticFiles(const FileRules& rules);

// Sends the client to the same path with a '/' at its end, so that relative links on the page work. The path
// must begin with exactly one '/': "//host/" would name another server.
void RedirectToFolder(const HttpRequest& request, HttpResponse& response);

}  // namespace preforkd

#endif
