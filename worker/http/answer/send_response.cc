#include "worker/http/answer/send_response.h"

#include <unistd.h>

#include "worker/http/syntax/http_status.h"

namespace preforkd::http {
namespace {

// Up to this size, reading and copying a file is cheaper than a second send call.
constexpr std::uint64_t kCopiedFile = 16 * 1024;

void AppendShortFile(Output& output, const HttpResponse& response) {
  const auto size = static_cast<std::size_t>(response.BodySize());
  const std::span<char> room = output.Room(size).first(size);
  const ssize_t got = ::pread(response.File(), room.data(), size, response.FileOffset());
  if (got > 0) output.Commit(static_cast<std::size_t>(got));
  // The file has shrunk or cannot be read: end early, never pad.
  if (got != static_cast<ssize_t>(size)) output.Break();
}

}  // namespace

std::uint64_t SendResponse(Output& output, HttpResponse& response, const HeadContext& context,
                           bool head_only) {
  const std::size_t head = WriteHead(response, context, output.Room(kMaxResponseHead));
  output.Commit(head);
  if (head_only || !MayHaveBody(response.Status()) || response.BodySize() == 0) return head;
  const std::uint64_t size = response.BodySize();
  if (!response.HasFile()) {
    output.Append(response.Body());
  } else if (response.HasFileParts()) {
    output.AppendFileParts(response.TakeFile(), response.TakeFileParts());
  } else if (size <= kCopiedFile) {
    AppendShortFile(output, response);
  } else {
    const off_t offset = response.FileOffset();
    output.AppendFile(response.TakeFile(), offset, size);
  }
  return head + size;
}

}  // namespace preforkd::http
