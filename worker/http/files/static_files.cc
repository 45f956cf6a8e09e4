#include "worker/http/files/static_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/files/file_answer.h"
#include "worker/http/files/mime_types.h"
#include "worker/http/files/served_root.h"
#include "worker/http/syntax/target.h"

namespace preforkd {
namespace {

int StatusOf(int errnum) {
  if (http::IsShortage(errnum)) return 503;
  switch (errnum) {
    case EACCES:
    case EPERM: return 403;
    // Not found, not a folder, an impossible name, a path out of the folder (EXDEV), a symlink loop, or a
    // socket or device without a driver: nothing to serve.
    default: return 404;
  }
}

void AnswerError(HttpResponse& response, int errnum) {
  const int status = StatusOf(errnum);
  AnswerStatus(response, status);
  // Out of descriptors: closing this connection frees one.
  if (status == 503) response.CloseAfter();
}

class StaticFiles final : public HttpHandler {
 public:
  StaticFiles(http::ServedRoot root, FileRules rules) : root_(std::move(root)), rules_(std::move(rules)) {}

  [[nodiscard]] BodyUse UseOfBody(const HttpRequest&) const override { return BodyUse::kNone; }

  void Handle(const HttpRequest& request, HttpResponse& response) override {
    if (!OnlyReading(request, response)) return;
    const bool folder = request.path.ends_with('/');
    // Relative to the root: the kernel refuses a path that begins with '/'.
    path_.assign(request.path.substr(1));
    if (folder) path_.append(rules_.index);
    http::Beneath::Opened opened = root_.OpenFile(path_.c_str(), Now());
    if (!opened.fd.Valid()) return AnswerError(response, opened.errnum);

    http::FoundFile file{std::move(opened.fd)};
    if (::fstat(file.fd.Get(), &file.info) < 0) return AnswerError(response, errno);
    if (S_ISDIR(file.info.st_mode) && !folder) return Redirect(request, response);
    // A FIFO, a device, or a folder named like the index file.
    if (!S_ISREG(file.info.st_mode)) return AnswerStatus(response, 404);
    const std::string_view type = http::MimeTypeOf(path_);
    http::AnswerFile(request, response, std::move(file), type, boundaries_);
  }

 private:
  // Redirects to the same path with a trailing '/', so that relative links on the page work. The path must
  // start with exactly one '/': "//host/" would name another server.
  void Redirect(const HttpRequest& request, HttpResponse& response) {
    std::string location;
    http::AppendEncodedPath(request.path, location);
    location.push_back('/');
    if (!request.query.empty()) location.append("?").append(request.query);
    AnswerStatus(response, 301);
    response.AddHeader("Location", location);
  }

  http::ServedRoot root_;
  FileRules rules_;
  std::string path_;  // of the current request; kept to reuse its memory
  http::Boundaries boundaries_;
};

}  // namespace

Result<std::unique_ptr<HttpHandler>> MakeStaticFiles(const FileRules& rules) {
  Result<http::ServedRoot> folder = http::ServedRoot::Open(rules.root, Now());
  if (!folder.Ok()) return folder.Err();
  return std::unique_ptr<HttpHandler>(std::make_unique<StaticFiles>(std::move(folder).Value(), rules));
}

}  // namespace preforkd
