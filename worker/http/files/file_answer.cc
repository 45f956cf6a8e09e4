#include "worker/http/files/file_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>
#include <memory>
#include <span>
#include <utility>

#include "common/base/check.h"
#include "worker/http/answer/error_page.h"
#include "worker/http/syntax/byte_range.h"
#include "worker/http/syntax/conditional.h"
#include "worker/http/syntax/http_date.h"

namespace preforkd::http {
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

// Its name in the tag: a sibling of the same size and time is another representation.
SmallText TagOf(const FoundFile& file) {
  const bool coded = file.coding != Coding::kIdentity;
  return SmallText("\"{:x}.{:09x}-{:x}{}{}\"", file.info.st_mtim.tv_sec, file.info.st_mtim.tv_nsec,
                   static_cast<std::uint64_t>(file.info.st_size), coded ? "-" : "",
                   coded ? CodingName(file.coding) : "");
}

SmallText ContentRange(const ByteRange& range, std::uint64_t file_size) {
  return SmallText("bytes {}-{}/{}", range.first, range.first + range.size - 1, file_size);
}

void AnswerPart(HttpResponse& response, UniqueFd file, const ByteRange& range, std::uint64_t file_size) {
  response.SetStatus(206);
  response.AddHeader("Content-Range", ContentRange(range, file_size).View());
  response.SetFile(std::move(file), static_cast<off_t>(range.first), range.size);
}

// RFC 9110 section 14.6.
void AnswerParts(HttpResponse& response, UniqueFd file, std::span<const ByteRange> ranges,
                 std::uint64_t file_size, std::string_view type, const std::string& boundary) {
  auto parts = std::make_unique<FileParts>();
  fmt::memory_buffer text;
  for (const ByteRange& range : ranges) {
    text.clear();
    fmt::format_to(std::back_inserter(text), "{}--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n",
                   parts->Left() == 0 ? "" : "\r\n", boundary, type, ContentRange(range, file_size).View());
    parts->Add({text.data(), text.size()}, static_cast<off_t>(range.first), range.size);
  }
  parts->Add("\r\n--" + boundary + "--\r\n", 0, 0);
  response.SetStatus(206);
  response.SetContentType("multipart/byteranges; boundary=" + boundary);
  response.SetFileParts(std::move(file), std::move(parts));
}

// Range is defined for GET only. On several lines it is invalid, and ignored. So are several ranges of what
// is coded: Content-Encoding would then be said of the multipart body, whose parts alone are coded, and a
// client would decode their frame. A server may always send the whole instead (RFC 9110 section 14.2).
ByteRanges RangesOf(const HttpRequest& request, const Validators& validators, std::uint64_t size,
                    Coding coding, std::time_t now) {
  const auto wanted = request.OnlyField("range");
  const bool ranged = wanted && request.method == HttpMethod::kGet && RangeApplies(request, validators, now);
  if (!ranged) return {};
  const ByteRanges ranges = ParseRanges(*wanted, size);
  return ranges.count > 1 && coding != Coding::kIdentity ? ByteRanges{} : ranges;
}

}  // namespace

Boundaries::Boundaries() { PF_CHECK(MakeRandom(key_), "the kernel has no random bytes"); }

std::string Boundaries::Next() {
  ++count_;
  std::array<char, sizeof(count_)> bytes;
  std::copy_n(reinterpret_cast<const char*>(&count_), bytes.size(), bytes.data());
  return fmt::format("{:016x}", SipHash(key_, {bytes.data(), bytes.size()}));
}

void AnswerFile(const HttpRequest& request, HttpResponse& response, FoundFile file, std::string_view type,
                Boundaries& boundaries) {
  const auto size = static_cast<std::uint64_t>(file.info.st_size);
  const SmallText etag = TagOf(file);
  const std::time_t now = std::time(nullptr);
  Modified modified = ModifiedOf(file.info.st_mtim.tv_sec, file.info.st_ctim.tv_sec, now);
  if (file.negotiated) modified.exact = false;
  const Validators validators{etag.View(), modified};
  const Precondition precondition = CheckPreconditions(request, validators, now);
  if (precondition == Precondition::kFailed) return AnswerStatus(response, 412);

  const DateText date = FormatDate(modified.told);
  response.AddHeader("Last-Modified", {date.data(), date.size()});
  response.AddHeader("ETag", etag.View());
  if (precondition == Precondition::kNotModified) return response.SetStatus(304);

  response.AddHeader("Accept-Ranges", "bytes");
  const ByteRanges ranges = RangesOf(request, validators, size, file.coding, now);
  if (ranges.kind == ByteRanges::Kind::kUnsatisfiable) {
    response.AddHeader("Content-Range", SmallText("bytes */{}", size).View());
    return AnswerStatus(response, 416);
  }
  if (file.coding != Coding::kIdentity) response.AddHeader("Content-Encoding", CodingName(file.coding));
  response.SetContentType(type);
  if (ranges.kind == ByteRanges::Kind::kWhole) return response.SetFile(std::move(file.fd), 0, size);
  if (ranges.count == 1) return AnswerPart(response, std::move(file.fd), ranges.Parts().front(), size);
  AnswerParts(response, std::move(file.fd), ranges.Parts(), size, type, boundaries.Next());
}

}  // namespace preforkd::http
