// RequestReader: the input of one HTTP connection. It finds complete requests in the received bytes and has
// each answered in order (Responder). Owned by the session.
//
// Input is in the worker's scratch buffer. The reader keeps bytes only while a request is incomplete, or
// while a response waits for the socket; then it stops reading, so a client that does not read its responses
// cannot fill our memory. It never receives, waits or closes the connection.
#ifndef PREFORKD_WORKER_HTTP_REQUEST_READER_H_
#define PREFORKD_WORKER_HTTP_REQUEST_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "worker/http/idle_context.h"
#include "worker/http/request_body.h"
#include "worker/http/responder.h"
#include "worker/http/session_shared.h"

namespace preforkd::http {

class RequestReader {
 public:
  // `unread` and `from` came with the connection from an earlier worker.
  RequestReader(SessionShared& shared, Responder& responder, std::string unread, const IdleContext& from);

  // Uses the bytes that came with the connection. False if there were none, or they have been used.
  bool UseCarried();
  // `more_may_follow`: the receive filled the buffer.
  void Use(std::string_view received, bool more_may_follow);
  // Continues where it stopped because a response waited, or was still to come. False if it had not stopped,
  // or a response is still to come.
  bool GoOn();
  // Answers the request received so far with an error. This is the last response of the connection.
  void Refuse(int status) { Refuse(status, body_ != nullptr ? body_->HeadBytes() : pending_); }

  [[nodiscard]] bool InBody() const { return state_ == State::kBody; }
  // The deferred request takes more of its body now.
  [[nodiscard]] bool WantsPiece() const {
    return pieces_ && state_ == State::kBody && responder_.Deferred() && !responder_.Current().BodyHeld();
  }
  // The last response has been given.
  [[nodiscard]] bool Closed() const { return state_ == State::kClosed; }
  // The bytes behind the last request are of another protocol.
  [[nodiscard]] bool Switched() const { return state_ == State::kSwitched; }
  // Nothing here will use them.
  std::string TakePending() { return std::exchange(pending_, {}); }
  // Received bytes that have not been used yet.
  [[nodiscard]] std::string_view Pending() const { return pending_; }
  // The request whose body is being received has been answered.
  [[nodiscard]] bool Answered() const { return answered_; }
  // A request has been deferred since the last call.
  bool TakeDeferred() { return std::exchange(deferred_, false); }
  // The deferred request has been answered.
  void Complete(Served served);
  // Number of empty lines before the next request line.
  [[nodiscard]] std::uint32_t EmptyLines() const { return empty_lines_; }
  // No unused input is left or expected: the connection can be closed as soon as everything is sent.
  [[nodiscard]] bool NoInputFollows() const { return !refused_ && !more_may_follow_ && pending_.empty(); }
  // The client itself announced that this request is its last.
  [[nodiscard]] bool ClientEnds() const { return Closed() && client_ends_ && NoInputFollows(); }
  // A head or a body has been completed since the last call.
  bool TakeCompleted() { return std::exchange(completed_, false); }

 private:
  enum class State : std::uint8_t { kHead, kBody, kClosed, kSwitched };

  void UsePending();
  // Answers all complete requests. Returns the number of bytes used.
  std::size_t Process(std::string_view input);
  // One step of Process. Returns 0 if more input is needed, or none is wanted any more.
  std::size_t ReadHead(std::string_view input);
  // The parser has a complete head, whose bytes are `head`.
  std::size_t StartRequest(std::string_view head, std::string_view rest);
  // The same for a handler that takes the body in pieces.
  std::size_t StartPieces(const HttpRequest& request, std::string_view head, bool expects_continue);
  std::size_t ReadBody(std::string_view input);
  // The body is complete.
  void EndBody();
  // Refuses a body that is malformed or too large.
  void RefuseBody(int status);
  void Refuse(int status, std::string_view head);
  // The last response has been given; input may follow.
  void Shut();
  void Answer(const HttpRequest& request, std::string_view head);
  // Answers a request at once and discards its body.
  void AnswerWithoutBody(HttpRequest request, std::string_view head);

  SessionShared& shared_;
  Responder& responder_;
  std::string pending_;  // received but unused: a partial head, or requests after a blocked response
  std::unique_ptr<RequestBody> body_;  // while a body is being received
  std::uint32_t empty_lines_;
  std::optional<Time> answer_by_;  // of the first request
  State state_ = State::kHead;
  bool answered_ = false;         // the request of body_ has been answered: its body is discarded
  bool carried_;                  // pending_ came with the connection and has not been used
  bool stalled_ = false;          // Process stopped because the output waits
  bool more_may_follow_ = false;  // the last receive filled the buffer
  bool client_ends_ = false;      // the client announced that this request is its last
  bool refused_ = false;          // input may arrive that nothing will use
  bool completed_ = false;
  bool deferred_ = false;
  bool pieces_ = false;  // the handler takes the body of this request in pieces
};

}  // namespace preforkd::http

#endif
