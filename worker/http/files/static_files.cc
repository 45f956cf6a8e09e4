#include "worker/http/files/static_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/answer/redirect.h"
#include "worker/http/files/file_answer.h"
#include "worker/http/files/listing.h"
#include "worker/http/files/missing_siblings.h"
#include "worker/http/files/served_root.h"
#include "worker/http/syntax/target.h"

namespace preforkd {
namespace {

std::string_view SuffixOf(http::Coding coding) {
  switch (coding) {
    case http::Coding::kBrotli: return ".br";
    case http::Coding::kZstd: return ".zst";
    case http::Coding::kGzip: return ".gz";
    case http::Coding::kIdentity: break;
  }
  return "";
}

bool IsOlder(const struct stat& a, const struct stat& b) {
  return a.st_mtim.tv_sec != b.st_mtim.tv_sec ? a.st_mtim.tv_sec < b.st_mtim.tv_sec
                                              : a.st_mtim.tv_nsec < b.st_mtim.tv_nsec;
}

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
    const Time now = Now();
    http::Beneath::Opened opened = root_.OpenFile(path_.c_str(), now);
    if (!opened.fd.Valid() && opened.errnum == ENOENT && folder && rules_.listing)
      return List(request, response);
    if (!opened.fd.Valid()) return AnswerError(response, opened.errnum);

    http::FoundFile file{std::move(opened.fd)};
    if (::fstat(file.fd.Get(), &file.info) < 0) return AnswerError(response, errno);
    if (S_ISDIR(file.info.st_mode) && !folder) return RedirectToFolder(request, response);
    // A FIFO, a device, or a folder named like the index file.
    if (!S_ISREG(file.info.st_mode)) return AnswerStatus(response, 404);
    if (!rules_.precompressed.Empty() && !Negotiate(request, response, file, now)) return;
    rules_.types.TypeOf(path_, type_);
    http::AnswerFile(request, response, std::move(file), type_, boundaries_);
  }

 private:
  // Takes the sibling that the client likes best. False: it takes none that is there, and not the file; it
  // has its answer.
  bool Negotiate(const HttpRequest& request, HttpResponse& response, http::FoundFile& file, Time now) {
    // Also without a sibling: there may be one tomorrow, and caches must ask for each client.
    response.AddHeader("Vary", "Accept-Encoding");
    file.negotiated = true;
    const http::AcceptedCodings accepted(request);
    for (const http::Coding coding : accepted.Best(rules_.precompressed)) {
      if (TakeSibling(coding, file, now)) return true;
    }
    if (!accepted.RefusesIdentity()) return true;
    AnswerStatus(response, 406);
    return false;
  }

  // False: there is none, or it is older than the file, and so not of this content.
  bool TakeSibling(http::Coding coding, http::FoundFile& file, Time now) {
    sibling_.assign(path_).append(SuffixOf(coding));
    if (missing_.Knows(sibling_, now)) return false;
    http::Beneath::Opened opened = root_.OpenBeside(sibling_.c_str());
    http::FoundFile found{std::move(opened.fd), {}, coding, true};
    if (!found.fd.Valid() && http::IsShortage(opened.errnum)) return false;
    if (!found.fd.Valid() || ::fstat(found.fd.Get(), &found.info) < 0 || !S_ISREG(found.info.st_mode) ||
        IsOlder(found.info, file.info)) {
      missing_.Remember(sibling_, now);
      return false;
    }
    file = std::move(found);
    return true;
  }

  // Shows what is in the folder. No tag and no time: both would be of the folder's entries, not of the page.
  void List(const HttpRequest& request, HttpResponse& response) {
    const std::string_view path = request.path.substr(1);
    path_.assign(path.empty() ? "." : path);
    const http::Beneath::Opened folder = root_.OpenBeside(path_.c_str());
    if (!folder.fd.Valid()) return AnswerError(response, folder.errnum);
    const auto follow = [&](const char* name, struct stat& info) {
      sibling_.assign(path).append(name);
      const http::Beneath::Opened target = root_.FindBeside(sibling_.c_str());
      return target.fd.Valid() && ::fstat(target.fd.Get(), &info) == 0;
    };
    const int errnum = listing_.Read(folder.fd, follow);
    if (errnum != 0) return AnswerError(response, errnum);
    listing_.Sort();
    response.SetContentType("text/html; charset=utf-8");
    listing_.WritePage(request.FullPath(), response.Body());
  }

  http::ServedRoot root_;
  FileRules rules_;
  // Of the current request; kept to reuse their memory.
  std::string path_;
  std::string sibling_;
  std::string type_;
  http::Listing listing_;
  http::MissingSiblings missing_;
  http::Boundaries boundaries_;
};

}  // namespace

void RedirectToFolder(const HttpRequest& request, HttpResponse& response) {
  std::string location;
  http::AppendEncodedPath(request.FullPath(), location);
  location.push_back('/');
  if (!request.query.empty()) location.append("?").append(request.query);
  AnswerRedirect(301, location, response);
}

Result<std::unique_ptr<HttpHandler>> MakeStaticFiles(const FileRules& rules) {
  Result<http::ServedRoot> folder = http::ServedRoot::Open(rules.root, Now());
  if (!folder.Ok()) return folder.Err();
  return std::unique_ptr<HttpHandler>(std::make_unique<StaticFiles>(std::move(folder).Value(), rules));
}

}  // namespace preforkd
