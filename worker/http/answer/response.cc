#include "worker/http/answer/response.h"

#include <algorithm>
#include <array>

#include "worker/http/syntax/syntax.h"

namespace preforkd {
namespace {

// All fields of a response together must fit in the buffer in which heads are built.
constexpr std::size_t kMaxFieldBytes = 32 * 1024;
constexpr std::size_t kMaxContentType = 1024;
constexpr std::size_t kMaxUpgrade = 64;
// Body memory up to this size is kept for the next response.
constexpr std::size_t kKeptBody = 64 * 1024;

constexpr std::array<std::string_view, 7> kOfTheSession = {
    "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "date", "server"};

// protocol-name["/"protocol-version], RFC 9110 section 7.8.
bool IsProtocol(std::string_view protocol) {
  const std::size_t slash = protocol.find('/');
  return protocol.size() <= kMaxUpgrade && http::IsToken(protocol.substr(0, slash)) &&
         (slash == std::string_view::npos || http::IsToken(protocol.substr(slash + 1)));
}

}  // namespace

bool IsOfTheSession(std::string_view name) {
  return std::any_of(kOfTheSession.begin(), kOfTheSession.end(),
                     [name](std::string_view own) { return http::EqualsNoCase(name, own); });
}

void HttpResponse::SetStatus(int status) {
  status_ = status;
  // Final statuses only: the session itself sends 1xx.
  if (status < 200 || status > 599) malformed_ = true;
}

void HttpResponse::SetContentType(std::string_view type) {
  if (type.size() > kMaxContentType || !http::IsFieldValue(type)) {
    malformed_ = true;
    return;
  }
  content_type_.assign(type);
}

void HttpResponse::AddHeader(std::string_view name, std::string_view value) {
  if (http::EqualsNoCase(name, "content-type")) return SetContentType(value);
  const bool fits = name.size() + value.size() + 4 <= kMaxFieldBytes - fields_.size();
  if (!http::IsToken(name) || !http::IsFieldValue(value) || IsOfTheSession(name) || !fits) {
    malformed_ = true;
    return;
  }
  fields_.append(name).append(": ").append(value).append("\r\n");
}

bool HttpResponse::HasRoomForFields() const {
  constexpr std::size_t kFewFields = 256;
  return fields_.size() + kFewFields <= kMaxFieldBytes;
}

void HttpResponse::SetUpgrade(std::string_view protocol) {
  if (!IsProtocol(protocol)) {
    malformed_ = true;
    return;
  }
  upgrade_.assign(protocol);
}

void HttpResponse::SwitchProtocols(std::string_view protocol, std::string_view context) {
  status_ = 101;
  switches_ = true;
  SetUpgrade(protocol);
  context_.assign(context);
}

void HttpResponse::SetFile(UniqueFd file, off_t offset, std::uint64_t size) {
  file_ = std::move(file);
  file_offset_ = offset;
  file_size_ = size;
  parts_.reset();
}

void HttpResponse::SetFileParts(UniqueFd file, std::unique_ptr<FileParts> parts) {
  SetFile(std::move(file), 0, parts->Left());
  parts_ = std::move(parts);
}

void HttpResponse::Clear() {
  status_ = 200;
  close_ = false;
  malformed_ = false;
  switches_ = false;
  status_page_ = false;
  content_type_.clear();
  upgrade_.clear();
  std::string().swap(context_);
  fields_.clear();
  if (body_.capacity() > kKeptBody) {
    std::string().swap(body_);
  } else {
    body_.clear();
  }
  file_.Reset();
  file_offset_ = 0;
  file_size_ = 0;
  parts_.reset();
}

}  // namespace preforkd
