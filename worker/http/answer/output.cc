#include "worker/http/answer/output.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace preforkd::http {
namespace {

// Maximum bytes of a file sent per callback, so that a fast download does not delay other clients.
constexpr std::uint64_t kFileBytesPerTurn = 2 * 1024 * 1024;

}  // namespace

std::span<char> Output::Room(std::size_t size) {
  auto& buffer = connection_.Env().out;
  PF_CHECK(!file_.Valid(), "output added after a file that is still being sent");
  PF_CHECK(size <= buffer.size(), "requested more room than the buffer has");
  if (buffer.size() - staged_ < size) FlushStaged(false);
  return std::span<char>(buffer).subspan(staged_);
}

void Output::Append(std::string_view bytes) {
  if (bytes.size() > connection_.Env().out.size()) {
    FlushStaged(false);
    SendOrKeep(bytes, false);
    return;
  }
  std::memcpy(Room(bytes.size()).data(), bytes.data(), bytes.size());
  Commit(bytes.size());
}

void Output::AppendFile(UniqueFd file, off_t offset, std::uint64_t size) {
  PF_CHECK(!file_.Valid(), "one file at a time");
  file_ = std::move(file);
  file_offset_ = offset;
  file_left_ = size;
}

void Output::AppendFileParts(UniqueFd file, std::unique_ptr<FileParts> parts) {
  AppendFile(std::move(file), 0, 0);
  parts_ = std::move(parts);
}

Output::Progress Output::Flush(bool last) {
  FlushUnsent(last && staged_ == 0);
  FlushStaged(last);
  if (unsent_.empty()) FlushFile();
  if (broken_) return Progress::kBroken;
  return Waiting() ? Progress::kBlocked : Progress::kDrained;
}

std::size_t Output::SendSome(std::string_view bytes, bool more) {
  // Sends once: a short send means that the socket is full, so a second call would only get EAGAIN.
  const IoResult result = connection_.Send(bytes, more);
  if (result.kind == IoResult::Kind::kError) broken_ = true;
  sent_ += result.size;
  return result.size;
}

void Output::Break() {
  FlushStaged(false);
  broken_ = true;
  file_failed_ = true;
}

void Output::SendOrKeep(std::string_view bytes, bool more) {
  // If earlier bytes wait, the socket is full: do not try again.
  const std::size_t sent = unsent_.empty() && !broken_ ? SendSome(bytes, more) : 0;
  if (!broken_) unsent_.append(bytes.substr(sent));
}

// On the last send of a short connection, MSG_MORE lets the FIN share the response's segment; a segment of
// its own would cost a third of what the response costs.
//
// The head of a file is sent on its own. With MSG_MORE the file's pages would start in the head's segment and
// all cross segment boundaries; 100 KB over loopback then cost half as much again.
void Output::FlushStaged(bool last) {
  const std::size_t size = std::exchange(staged_, 0);
  if (size > 0) SendOrKeep({connection_.Env().out.data(), size}, last && !file_.Valid());
}

void Output::FlushUnsent(bool last) {
  if (unsent_.empty() || broken_) return;
  unsent_from_ += SendSome(std::string_view(unsent_).substr(unsent_from_), last && !file_.Valid());
  if (unsent_from_ < unsent_.size()) return;
  std::string().swap(unsent_);  // frees the memory; assigning an empty string would not
  unsent_from_ = 0;
}

void Output::FlushFile() {
  std::uint64_t turn = kFileBytesPerTurn;
  while (file_.Valid() && !broken_ && turn > 0) {
    if (file_left_ == 0 && !NextPart()) return;
    if (file_left_ == 0) continue;  // it was the text at the end
    const auto count = static_cast<std::size_t>(std::min(file_left_, turn));
    const IoResult result = connection_.SendFile(file_.Get(), file_offset_, count);
    if (result.kind == IoResult::Kind::kAgain) return;
    // kEnd: the file is now shorter than its Content-Length. Only a short body can tell the client.
    if (!result.Done()) {
      broken_ = true;
      return;
    }
    sent_ += result.size;
    file_left_ -= result.size;
    turn -= result.size;
  }
  if (file_left_ == 0 && !parts_) file_.Reset();
}

bool Output::NextPart() {
  if (!parts_ || parts_->Done()) {
    parts_.reset();
    file_.Reset();
    return false;
  }
  const FileParts::Part part = parts_->Take();
  file_offset_ = part.offset;
  file_left_ = part.size;
  // Parts are often short: text and bytes may share a segment.
  SendOrKeep(part.text, part.size > 0);
  return unsent_.empty() && !broken_;
}

}  // namespace preforkd::http
