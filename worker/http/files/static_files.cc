#include "worker/http/files/static_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/files/mime_types.h"
#include "worker/http/files/served_root.h"
#include "worker/http/syntax/byte_range.h"
#include "worker/http/syntax/conditional.h"
#include "worker/http/syntax/http_date.h"
#include "worker/http/syntax/target.h"

namespace preforkd {
namespace {

// Formats text of limited size on the stack.
class SmallText {
 public:
  template <typename... Args>
  explicit SmallText(fmt::format_string<Args...> format, Args&&... args)
      : size_(fmt::format_to_n(bytes_.data(), bytes_.size(), format, std::forward<Args>(args)...).size) {}
  [[nodiscard]] std::string_view View() const { return {bytes_.data(), std::min(size_, bytes_.size())}; }

 private:
  std::array<char, 96> bytes_;
  std::size_t size_;
};

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

void AnswerPart(HttpResponse& response, UniqueFd file, const http::ByteRange& range,
                std::uint64_t file_size) {
  response.SetStatus(206);
  response.AddHeader(
      "Content-Range",
      SmallText("bytes {}-{}/{}", range.first, range.first + range.size - 1, file_size).View());
  response.SetFile(std::move(file), static_cast<off_t>(range.first), range.size);
}

void AnswerFile(const HttpRequest& request, HttpResponse& response, UniqueFd file, const struct stat& info) {
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const SmallText etag("\"{:x}.{:09x}-{:x}\"", info.st_mtim.tv_sec, info.st_mtim.tv_nsec, size);
  const std::time_t now = std::time(nullptr);
  const http::Modified modified = http::ModifiedOf(info.st_mtim.tv_sec, info.st_ctim.tv_sec, now);
  const http::Validators validators{etag.View(), modified};
  const http::Precondition precondition = http::CheckPreconditions(request, validators, now);
  if (precondition == http::Precondition::kFailed) return AnswerStatus(response, 412);

  const http::DateText date = http::FormatDate(modified.told);
  response.AddHeader("Last-Modified", {date.data(), date.size()});
  response.AddHeader("ETag", etag.View());
  if (precondition == http::Precondition::kNotModified) return response.SetStatus(304);

  response.AddHeader("Accept-Ranges", "bytes");
  const auto wanted = request.OnlyField("range");
  // Range is defined for GET only. On several lines it is invalid, and ignored.
  const bool ranged =
      wanted && request.method == HttpMethod::kGet && http::RangeApplies(request, validators, now);
  const http::ByteRange range = ranged ? http::ParseRange(*wanted, size) : http::ByteRange{};
  switch (range.kind) {
    case http::ByteRange::Kind::kWhole: return response.SetFile(std::move(file), 0, size);
    case http::ByteRange::Kind::kPart: return AnswerPart(response, std::move(file), range, size);
    case http::ByteRange::Kind::kUnsatisfiable: break;
  }
  response.AddHeader("Content-Range", SmallText("bytes */{}", size).View());
  AnswerStatus(response, 416);
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

    struct stat info {};
    if (::fstat(opened.fd.Get(), &info) < 0) return AnswerError(response, errno);
    if (S_ISDIR(info.st_mode) && !folder) return Redirect(request, response);
    // A FIFO, a device, or a folder named like the index file.
    if (!S_ISREG(info.st_mode)) return AnswerStatus(response, 404);
    response.SetContentType(http::MimeTypeOf(path_));
    AnswerFile(request, response, std::move(opened.fd), info);
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
};

}  // namespace

Result<std::unique_ptr<HttpHandler>> MakeStaticFiles(const FileRules& rules) {
  Result<http::ServedRoot> folder = http::ServedRoot::Open(rules.root, Now());
  if (!folder.Ok()) return folder.Err();
  return std::unique_ptr<HttpHandler>(std::make_unique<StaticFiles>(std::move(folder).Value(), rules));
}

}  // namespace preforkd
