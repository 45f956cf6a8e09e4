// StaticFiles: sends the files of one folder.
//
// It serves only regular files beneath the folder to which the configured path leads now (served_root.h). For
// a folder it sends the index file, or a list of what is in it if the rules say so. Files are sent with
// sendfile, never mapped: a file that shrinks while it is sent ends the response early, and cannot crash the
// worker.
#ifndef PREFORKD_WORKER_HTTP_FILES_STATIC_FILES_H_
#define PREFORKD_WORKER_HTTP_FILES_STATIC_FILES_H_

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "worker/http/answer/response.h"
#include "worker/http/files/file_answer.h"
#include "worker/http/files/file_finder.h"
#include "worker/http/files/file_rules.h"
#include "worker/http/files/listing.h"
#include "worker/http/files/missing_siblings.h"
#include "worker/http/syntax/request.h"

namespace preforkd {

class StaticFiles {
 public:
  // One for each place with files: several may have the same root. Error: the root cannot be opened.
  static Result<std::unique_ptr<StaticFiles>> Make(const FileRules& rules);
  StaticFiles(const StaticFiles&) = delete;
  StaticFiles& operator=(const StaticFiles&) = delete;

  // Finds what is sent.
  [[nodiscard]] http::FileFinder& Finder() { return finder_; }
  // Answers GET or HEAD with what was found last. `request` has the path that was looked for.
  void Send(const HttpRequest& request, http::Finding found, HttpResponse& response, Time now);

 private:
  StaticFiles(http::FileFinder finder, const FileRules& rules) : finder_(std::move(finder)), rules_(rules) {}
  void SendFile(const HttpRequest& request, http::FoundFile file, HttpResponse& response, Time now);
  bool Negotiate(const HttpRequest& request, HttpResponse& response, http::FoundFile& file, Time now);
  bool TakeSibling(http::Coding coding, http::FoundFile& file, Time now);
  void List(const HttpRequest& request, const UniqueFd& folder, HttpResponse& response);

  http::FileFinder finder_;
  FileRules rules_;
  // Of the current request; kept to reuse their memory.
  std::string sibling_;
  std::string type_;
  http::Listing listing_;
  http::MissingSiblings missing_;
  http::Boundaries boundaries_;
};

// Sends the client to the same path with a '/' at its end, so that relative links on the page work. The path
// must begin with exactly one '/': "//host/" would name another server.
void RedirectToFolder(const HttpRequest& request, HttpResponse& response);

}  // namespace preforkd

#endif
