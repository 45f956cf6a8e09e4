// HttpResponse: what a handler fills in. There is one per service and worker. It is reused for every request,
// so that its strings keep their memory.
//
// A response that HTTP cannot carry (a field with a line break, a Content-Length set by the handler) is
// marked malformed and replaced by 500: a handler cannot break the framing of the connection.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_RESPONSE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_RESPONSE_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/unique_fd.h"
#include "worker/http/answer/file_parts.h"

namespace preforkd {

// A field that only the session writes, because the framing of the connection depends on it.
bool IsOfTheSession(std::string_view name);

class HttpResponse {
 public:
  // ---- for handlers ----

  // Range: 200 to 599.
  void SetStatus(int status);
  void SetContentType(std::string_view type);
  // Adds a field. Content-Length, Transfer-Encoding, Connection, Date and Server are set by the session.
  void AddHeader(std::string_view name, std::string_view value);
  // The body, empty at first. If it is not empty, it takes precedence over SetFile.
  std::string& Body() { return body_; }
  // The body is `size` bytes of `file` from `offset` on. Takes ownership of `file`, which must be a regular
  // file.
  void SetFile(UniqueFd file, off_t offset, std::uint64_t size);
  // The body is these parts of `file`, at least one.
  void SetFileParts(UniqueFd file, std::unique_ptr<FileParts> parts);
  // Closes the connection after this response.
  void CloseAfter() { close_ = true; }
  // Sets the Upgrade field, which only the session may write: "websocket". For 426 (RFC 9110 section 7.8).
  void SetUpgrade(std::string_view protocol);
  // The answer is 101, and the connection speaks `protocol` behind it: the service that MakeHttpService was
  // given for that opens a session with `context`. The request must ask for it, and be complete.
  void SwitchProtocols(std::string_view protocol, std::string_view context);

  // ---- for the session ----

  // Resets to an empty 200; keeps memory of reasonable size.
  void Clear();
  [[nodiscard]] bool Malformed() const { return malformed_; }
  // Its body is the page of AnswerStatus (error_page.h), which alone says so.
  void MarkStatusPage() { status_page_ = true; }
  [[nodiscard]] bool IsStatusPage() const { return status_page_; }
  [[nodiscard]] int Status() const { return status_; }
  [[nodiscard]] bool ClosesAfter() const { return close_; }
  [[nodiscard]] bool Switches() const { return switches_; }
  [[nodiscard]] const std::string& Upgrade() const { return upgrade_; }
  [[nodiscard]] std::string TakeContext() { return std::exchange(context_, {}); }
  [[nodiscard]] const std::string& ContentType() const { return content_type_; }
  // Complete lines, "Name: value\r\n".
  [[nodiscard]] const std::string& FieldLines() const { return fields_; }
  // What is written there must be such lines.
  [[nodiscard]] std::string& FieldLines() { return fields_; }
  // A few short fields more will not be refused.
  [[nodiscard]] bool HasRoomForFields() const;
  [[nodiscard]] bool HasFile() const { return file_.Valid() && body_.empty(); }
  [[nodiscard]] std::uint64_t BodySize() const { return HasFile() ? file_size_ : body_.size(); }
  [[nodiscard]] int File() const { return file_.Get(); }
  [[nodiscard]] off_t FileOffset() const { return file_offset_; }
  [[nodiscard]] UniqueFd TakeFile() { return std::move(file_); }
  // nullptr: the body is one piece of the file.
  [[nodiscard]] std::unique_ptr<FileParts> TakeFileParts() { return std::move(parts_); }
  [[nodiscard]] bool HasFileParts() const { return parts_ != nullptr; }

 private:
  int status_ = 200;
  bool close_ = false;
  bool malformed_ = false;
  bool switches_ = false;
  bool status_page_ = false;
  std::string content_type_;
  std::string upgrade_;
  std::string context_;  // of the session that follows
  std::string fields_;
  std::string body_;
  UniqueFd file_;
  off_t file_offset_ = 0;
  std::uint64_t file_size_ = 0;  // of the body
  std::unique_ptr<FileParts> parts_;
};

}  // namespace preforkd

#endif
