// Output: what a session still has to send, in order: bytes that an earlier callback could not send, the
// bytes staged in this callback, and at most one file at the end.
//
// Staged bytes lie in WorkerEnv::out, which every connection uses in turn: Flush before the callback returns.
// It leaves them with the socket, or copies into memory of this connection what the socket did not take. That
// copy is the only memory a connection costs here, and an idle connection has none.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_OUTPUT_H_
#define PREFORKD_WORKER_HTTP_ANSWER_OUTPUT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/unique_fd.h"
#include "worker/connection/connection.h"

namespace preforkd::http {

class Output {
 public:
  enum class Progress {
    kDrained,  // everything is with the socket
    kBlocked,  // the rest has to wait until the socket has room
    kBroken,   // the connection is of no more use; it stays so
  };

  explicit Output(Connection& connection) : connection_(connection) {}

  // Room for `size` more bytes, to be filled from its start and then committed. At most the size of the
  // buffer.
  std::span<char> Room(std::size_t size);
  void Commit(std::size_t size) { staged_ += size; }
  void Append(std::string_view bytes);
  // Nothing may be added behind a file until it is sent.
  void AppendFile(UniqueFd file, off_t offset, std::uint64_t size);
  // The file cannot be read as was promised: after what has been staged, the connection ends.
  void Break();
  [[nodiscard]] bool FileFailed() const { return file_failed_; }

  // Sends what the socket takes. `last`: nothing follows but the end of the connection, which is closed at
  // once when this has returned kDrained; what was sent then leaves together with that end.
  Progress Flush(bool last = false);
  // Something waits for the socket: add nothing.
  [[nodiscard]] bool Waiting() const { return !unsent_.empty() || file_.Valid() || broken_; }
  // Bytes sent so far; what a timeout without progress compares.
  [[nodiscard]] std::uint64_t Sent() const { return sent_; }
  // What Sent() will be when everything that has been added is sent.
  [[nodiscard]] std::uint64_t End() const {
    return sent_ + staged_ + unsent_.size() - unsent_from_ + file_left_;
  }

 private:
  // Sends `bytes` at once; what the socket does not take goes to unsent_.
  void SendOrKeep(std::string_view bytes, bool last);
  // The number of bytes that the socket took.
  std::size_t SendSome(std::string_view bytes, bool last);
  void FlushStaged(bool last);
  void FlushUnsent(bool last);
  void FlushFile();

  Connection& connection_;
  std::size_t staged_ = 0;
  std::string unsent_;
  std::size_t unsent_from_ = 0;  // bytes at the start of unsent_ that have been sent
  UniqueFd file_;
  off_t file_offset_ = 0;
  std::uint64_t file_left_ = 0;
  std::uint64_t sent_ = 0;
  bool broken_ = false;
  bool file_failed_ = false;
};

}  // namespace preforkd::http

#endif
