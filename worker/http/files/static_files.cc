#include "worker/http/files/static_files.h"

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>

#include "worker/http/answer/error_page.h"
#include "worker/http/files/beneath.h"
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

void AnswerError(HttpResponse& response, int status) {
  AnswerStatus(response, status);
  // Out of descriptors: closing this connection frees one.
  if (status == 503) response.CloseAfter();
}

}  // namespace

Result<std::unique_ptr<StaticFiles>> StaticFiles::Make(const FileRules& rules) {
  Result<http::FileFinder> finder = http::FileFinder::Make(rules);
  if (!finder.Ok()) return finder.Err();
  return std::unique_ptr<StaticFiles>(new StaticFiles(std::move(finder).Value(), rules));
}

void StaticFiles::Send(const HttpRequest& request, http::Finding found, HttpResponse& response, Time now) {
  switch (found.kind) {
    case http::Finding::Kind::kFile:
      return SendFile(request, {std::move(found.fd), found.info}, response, now);
    case http::Finding::Kind::kToFolder: return RedirectToFolder(request, response);
    case http::Finding::Kind::kList: return List(request, found.fd, response);
    case http::Finding::Kind::kError: return AnswerError(response, found.status);
  }
}

void StaticFiles::SendFile(const HttpRequest& request, http::FoundFile file, HttpResponse& response,
                           Time now) {
  if (!rules_.precompressed.Empty() && !Negotiate(request, response, file, now)) return;
  rules_.types.TypeOf(finder_.Name(), type_);
  http::AnswerFile(request, response, std::move(file), type_, boundaries_);
}

// Takes the sibling that the client likes best. False: it takes none that is there, and not the file; it has
// its answer.
bool StaticFiles::Negotiate(const HttpRequest& request, HttpResponse& response, http::FoundFile& file,
                            Time now) {
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
bool StaticFiles::TakeSibling(http::Coding coding, http::FoundFile& file, Time now) {
  sibling_.assign(finder_.Name()).append(SuffixOf(coding));
  if (missing_.Knows(sibling_, now)) return false;
  http::Beneath::Opened opened = finder_.Root().OpenBeside(sibling_.c_str());
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
void StaticFiles::List(const HttpRequest& request, const UniqueFd& folder, HttpResponse& response) {
  const auto follow = [&](const char* name, struct stat& info) {
    sibling_.assign(request.path.substr(1)).append(name);
    const http::Beneath::Opened target = finder_.Root().FindBeside(sibling_.c_str());
    return target.fd.Valid() && ::fstat(target.fd.Get(), &info) == 0;
  };
  const int errnum = listing_.Read(folder, follow);
  if (errnum != 0) return AnswerError(response, http::StatusOfErrno(errnum));
  listing_.Sort();
  response.SetContentType("text/html; charset=utf-8");
  listing_.WritePage(request.FullPath(), response.Body());
}

void RedirectToFolder(const HttpRequest& request, HttpResponse& response) {
  std::string location;
  http::AppendEncodedPath(request.FullPath(), location);
  location.push_back('/');
  if (!request.query.empty()) location.append("?").append(request.query);
  AnswerRedirect(response, 301, location);
}

}  // namespace preforkd
