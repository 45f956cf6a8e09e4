#include "worker/http/answer/response_head.h"

#include <array>
#include <charconv>

#include "common/base/check.h"
#include "worker/http/answer/field_lines.h"
#include "worker/http/syntax/http_status.h"

namespace preforkd::http {
namespace {

class Writer {
 public:
  explicit Writer(std::span<char> out) : out_(out) {}

  Writer& Put(std::string_view text) {
    PF_CHECK(text.size() <= out_.size() - size_, "a response head exceeds its maximum size");
    // Not memcpy: the text of an empty view may be nullptr, which it must not be given.
    size_ += text.copy(out_.data() + size_, text.size());
    return *this;
  }
  Writer& Put(std::uint64_t number) {
    std::array<char, 20> digits;
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    return Put(std::string_view(digits.data(), static_cast<std::size_t>(result.ptr - digits.data())));
  }
  [[nodiscard]] std::size_t Size() const { return size_; }

 private:
  std::span<char> out_;
  std::size_t size_ = 0;
};

std::string_view FramingField(BodyFraming framing) {
  return framing == BodyFraming::kChunked ? "Transfer-Encoding: chunked\r\n" : "";
}

// The options of this connection; no field where the client's HTTP version implies the same.
void PutConnection(Writer& writer, const HttpResponse& response, const HeadContext& context) {
  const bool upgrade = !response.Upgrade().empty();
  std::string_view keep = context.client_minor_version == 0 ? "keep-alive" : "";
  if (!context.keep_alive) keep = "close";
  if (response.Switches()) keep = "";  // what becomes of the connection is the next protocol's business
  if (upgrade) writer.Put("Upgrade: ").Put(response.Upgrade()).Put("\r\n");
  if (!upgrade && keep.empty()) return;
  writer.Put("Connection: ").Put(keep).Put(upgrade && !keep.empty() ? ", " : "");
  writer.Put(upgrade ? "upgrade" : "").Put("\r\n");
}

// Of two fields the client would use the first (RFC 6797 section 8.1).
std::string_view HstsField(const HttpResponse& response, const HeadContext& context) {
  if (context.hsts.empty() || HasField(response.FieldLines(), "strict-transport-security")) return {};
  return context.hsts;
}

}  // namespace

std::size_t WriteHead(const HttpResponse& response, const HeadContext& context, std::span<char> out) {
  Writer writer(out);
  const int status = response.Status();
  writer.Put("HTTP/1.1 ").Put(static_cast<std::uint64_t>(status)).Put(" ").Put(ReasonPhrase(status));
  writer.Put("\r\nServer: preforkd\r\nDate: ").Put(context.date).Put("\r\n");
  writer.Put(HstsField(response, context));
  if (context.rules != nullptr) {
    context.rules->ForEachLine(status, response.FieldLines(),
                               [&](std::string_view, std::string_view line) { writer.Put(line); });
  }
  if (MayHaveBody(status)) {
    if (!response.ContentType().empty()) writer.Put("Content-Type: ").Put(response.ContentType()).Put("\r\n");
    if (context.framing == BodyFraming::kLength) {
      writer.Put("Content-Length: ").Put(response.BodySize()).Put("\r\n");
    } else {
      writer.Put(FramingField(context.framing));
    }
  }
  writer.Put(response.FieldLines());
  PutConnection(writer, response, context);
  writer.Put("\r\n");
  return writer.Size();
}

}  // namespace preforkd::http
