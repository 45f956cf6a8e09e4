// Output: the bytes that a session still has to send, in order: those that an earlier callback could not
// send, those staged in this callback, and at most one file, or parts of one, at the end.
//
// Staged bytes are in WorkerEnv::out, which all connections share, so call Flush before the callback returns.
// Flush copies what the socket does not accept into memory of this connection. That copy is the only memory a
// connection uses here; an idle connection uses none.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_OUTPUT_H_
#define PREFORKD_WORKER_HTTP_ANSWER_OUTPUT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/unique_fd.h"
#include "worker/connection/connection.h"
#include "worker/http/answer/file_parts.h"

namespace preforkd::http {

class Output {
 public:
  enum class Progress {
    kDrained,  // everything was passed to the socket
    kBlocked,  // the rest waits until the socket has room
    kBroken,   // the connection has failed, for good
  };

  explicit Output(Connection& connection) : connection_(connection) {}

  // Returns room for `size` bytes, to be filled from its start and then committed. `size` must not exceed the
  // buffer.
  std::span<char> Room(std::size_t size);
  void Commit(std::size_t size) { staged_ += size; }
  void Append(std::string_view bytes);
  // Takes `file`. Nothing can be added until it has been sent.
  void AppendFile(UniqueFd file, off_t offset, std::uint64_t size);
  // The same for parts of it.
  void AppendFileParts(UniqueFd file, std::unique_ptr<FileParts> parts);
  // The file could not be read in full: the connection ends after the staged bytes.
  void Break();
  [[nodiscard]] bool FileFailed() const { return file_failed_; }

  // Sends what the socket accepts. `last`: the connection is closed as soon as this returns kDrained, so the
  // data may leave together with the FIN.
  Progress Flush(bool last = false);
  // Bytes wait for the socket: nothing can be added.
  [[nodiscard]] bool Waiting() const { return !unsent_.empty() || file_.Valid() || broken_; }
  // Bytes sent so far; timeouts compare it to detect progress.
  [[nodiscard]] std::uint64_t Sent() const { return sent_; }
  // The value of Sent() when everything added so far has been sent.
  [[nodiscard]] std::uint64_t End() const {
    return sent_ + staged_ + unsent_.size() - unsent_from_ + file_left_ + (parts_ ? parts_->Left() : 0);
  }

 private:
  // Sends `bytes` at once; the unsent rest goes to unsent_. `more`: see ClientStream::Send.
  void SendOrKeep(std::string_view bytes, bool more);
  // Returns the number of bytes that the socket accepted.
  std::size_t SendSome(std::string_view bytes, bool more);
  void FlushStaged(bool last);
  void FlushUnsent(bool last);
  void FlushFile();
  // What was begun of the file has been sent: goes on with its next part. False: everything has been sent,
  // or the text of the part must wait for the socket.
  bool NextPart();

  Connection& connection_;
  std::size_t staged_ = 0;
  std::string unsent_;
  std::size_t unsent_from_ = 0;  // bytes at the start of unsent_ that have been sent
  UniqueFd file_;
  off_t file_offset_ = 0;
  std::uint64_t file_left_ = 0;
  std::unique_ptr<FileParts> parts_;  // of the file, behind file_left_
  std::uint64_t sent_ = 0;
  bool broken_ = false;
  bool file_failed_ = false;
};

}  // namespace preforkd::http

#endif
