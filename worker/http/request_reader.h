// RequestReader: the input of one HTTP connection: finds whole requests in what is received, and has each
// answered in order (Responder). Owned by the session.
//
// Input lies in the worker's scratch buffer; the reader owns bytes only while a request is incomplete, or an
// answer waits for the socket: then it stops, so a client that does not read its answers cannot make us
// collect. It never receives, never waits and never closes the connection.
#ifndef PREFORKD_WORKER_HTTP_REQUEST_READER_H_
#define PREFORKD_WORKER_HTTP_REQUEST_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "worker/http/request_body.h"
#include "worker/http/responder.h"
#include "worker/http/session_shared.h"

namespace preforkd::http {

class RequestReader {
 public:
  // `unread` has come with the connection, and `empty_lines` before that.
  RequestReader(SessionShared& shared, Responder& responder, std::string unread, std::uint32_t empty_lines);

  // Uses what has come with the connection; false when that has been done, or there was nothing.
  bool UseCarried();
  // `more_may_follow`: it filled the buffer.
  void Use(std::string_view received, bool more_may_follow);
  // Goes on where it stopped because an answer waited; false when it did not.
  bool GoOn();
  // Answers what has been received of a request with an error. The last answer of the connection.
  void Refuse(int status) { Refuse(status, body_ != nullptr ? body_->HeadBytes() : pending_); }
  // Nobody will look at what has been received.
  void Forget() { std::string().swap(pending_); }

  [[nodiscard]] bool InBody() const { return state_ == State::kBody; }
  // The last answer has been given.
  [[nodiscard]] bool Closed() const { return state_ == State::kClosed; }
  // Something has been received that is not used yet.
  [[nodiscard]] bool HasPending() const { return !pending_.empty(); }
  // The request whose body is being received has its answer.
  [[nodiscard]] bool Answered() const { return answered_; }
  // In front of the next request line.
  [[nodiscard]] std::uint32_t EmptyLines() const { return empty_lines_; }
  // No input comes that nobody will look at: the connection can be closed as soon as all is sent.
  [[nodiscard]] bool NoInputFollows() const { return !refused_ && !more_may_follow_ && pending_.empty(); }
  // The client has said so itself that the answer is its last.
  [[nodiscard]] bool ClientEnds() const { return Closed() && client_ends_ && NoInputFollows(); }
  // A head or a body has become whole since the last call.
  bool TakeCompleted() { return std::exchange(completed_, false); }

 private:
  enum class State : std::uint8_t { kHead, kBody, kClosed };

  void UsePending();
  // Answers what is whole. Returns the bytes used.
  std::size_t Process(std::string_view input);
  // One step of it: 0 when more input is needed, or none is wanted any more.
  std::size_t ReadHead(std::string_view input);
  // The parser has the head, of which `head` are the bytes.
  std::size_t StartRequest(std::string_view head, std::string_view rest);
  std::size_t ReadBody(std::string_view input);
  // What is not well-formed, or too large, in a body.
  void RefuseBody(int status);
  void Refuse(int status, std::string_view head);
  // The last answer has been given, and input may follow.
  void Shut();
  void Answer(const HttpRequest& request, std::string_view head);
  // Answers a request whose body is to be discarded.
  void AnswerWithoutBody(HttpRequest request, std::string_view head);

  SessionShared& shared_;
  Responder& responder_;
  std::string pending_;  // received and not used: an incomplete head, or requests behind a blocked answer
  std::unique_ptr<RequestBody> body_;  // while a body is being received
  std::uint32_t empty_lines_;
  State state_ = State::kHead;
  bool answered_ = false;         // the request that body_ belongs to has its answer: the body is discarded
  bool carried_;                  // pending_ came with the connection and has not been looked at
  bool stalled_ = false;          // Process stopped because the output waits
  bool more_may_follow_ = false;  // the last receive filled the buffer
  bool client_ends_ = false;      // it has said that this request is its last
  bool refused_ = false;          // input may come that nobody will look at
  bool completed_ = false;
};

}  // namespace preforkd::http

#endif
