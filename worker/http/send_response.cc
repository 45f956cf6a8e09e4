#include "worker/http/send_response.h"

#include <unistd.h>

#include "worker/http/http_status.h"

namespace preforkd::http {
namespace {

// Up to here reading and copying is cheaper than a second system call that sends.
constexpr std::uint64_t kCopiedFile = 16 * 1024;

void AppendShortFile(Output& output, const HttpResponse& response) {
  const auto size = static_cast<std::size_t>(response.BodySize());
  const std::span<char> room = output.Room(size).first(size);
  const ssize_t got = ::pread(response.File(), room.data(), size, response.FileOffset());
  if (got > 0) output.Commit(static_cast<std::size_t>(got));
  // It has become shorter since its length was told, or cannot be read: end short, never pad.
  if (got != static_cast<ssize_t>(size)) output.Break();
}

}  // namespace

void SendResponse(Output& output, HttpResponse& response, const HeadContext& context, bool head_only) {
  output.Commit(WriteHead(response, context, output.Room(kMaxResponseHead)));
  if (head_only || !MayHaveBody(response.Status()) || response.BodySize() == 0) return;
  if (!response.HasFile()) {
    output.Append(response.Body());
  } else if (response.BodySize() <= kCopiedFile) {
    AppendShortFile(output, response);
  } else {
    const off_t offset = response.FileOffset();
    const std::uint64_t size = response.BodySize();
    output.AppendFile(response.TakeFile(), offset, size);
  }
}

}  // namespace preforkd::http
