// Exchange: one HTTP request that is answered after its handler has returned, whole or in pieces.
//
// Shared by the handler, which answers, and by the session, which sends. It owns a copy of the request. When
// the connection ends first, the exchange lives on as long as the handler holds it, and ignores the answer.
// It knows no timeout: the handler that took it must answer, also with an error.
//
// Answers that are given while a session works on its input, inside Start or OnBody of any request, are held
// until that is done: the sessions share buffers.
//
// Loop thread only. Its calls may run the session, and that may end the connection: hold a reference
// meanwhile.
#ifndef PREFORKD_WORKER_HTTP_ANSWER_EXCHANGE_H_
#define PREFORKD_WORKER_HTTP_ANSWER_EXCHANGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "worker/http/answer/kept_request.h"
#include "worker/http/answer/response.h"

namespace preforkd {

class Exchange {
 public:
  // While more of a streamed answer waits for the client, its handler should pause.
  static constexpr std::uint64_t kMark = 64 * 1024;
  // A handler that does not pause loses the connection, before it fills the memory.
  static constexpr std::uint64_t kMaxWaiting = 16 * 1024 * 1024;

  // What the exchange tells its handler.
  class Observer {
   public:
    // The client has shut down its sending side, which most clients do only when they leave. An answer is
    // still sent if it comes. Called at most once, and not after Ended. If that was so before the handler was
    // started (AccessGuard), when it has started.
    virtual void OnLeaving() = 0;
    // The connection has ended: no answer is possible any more.
    virtual void OnEnded() = 0;
    // No more than kMark bytes wait again, after a Write that returned more.
    virtual void OnRoom() = 0;
    // A piece of the body has arrived, where it comes in pieces. `last`: the body is complete.
    virtual void OnBody(std::string_view piece, bool last) = 0;

   protected:
    ~Observer() = default;
  };

  // What the session does for the exchange.
  class Sender {
   public:
    virtual void SendWhole(HttpResponse& response) = 0;
    virtual void SendHead(HttpResponse& head) = 0;
    virtual void SendPiece(std::string_view piece) = 0;
    virtual void SendEnd() = 0;
    // The answer cannot be completed: ends the connection.
    virtual void Abandon(const char* why) = 0;
    virtual void Travel() = 0;
    // False: a session works on its input, this one or another. Call none of the others now, but Unsent.
    [[nodiscard]] virtual bool Ready() const = 0;
    // SendHeld is wanted when it is ready again.
    virtual void WakeSoon() = 0;
    // Pieces of the body are wanted again, or not any more.
    virtual void ReadingChanged() = 0;
    // Bytes that the socket has not taken yet.
    [[nodiscard]] virtual std::uint64_t Unsent() const = 0;

   protected:
    ~Sender() = default;
  };

  // ---- for the handler ----

  // Valid as long as the exchange.
  [[nodiscard]] const HttpRequest& Request() const { return kept_.Request(); }
  // nullptr: nobody is told any more. The observer must outlive the exchange, or be removed before.
  void Observe(Observer* observer) { observer_ = observer; }
  // An answer can still be begun.
  [[nodiscard]] bool Open() const { return state_ == State::kOpen; }
  // Write and Finish can be called.
  [[nodiscard]] bool Streaming() const { return state_ == State::kStreaming; }
  // The connection has ended before the answer was complete.
  [[nodiscard]] bool Ended() const { return state_ == State::kEnded; }

  // Answers the request. Precondition: Open(), and `response` is not malformed.
  void Answer(HttpResponse response);
  // Sends the head of an answer of unknown length. The same preconditions. The body of `head` is ignored.
  void Begin(HttpResponse head);
  // Sends a piece; returns the number of bytes that wait for the client. Precondition: Streaming(). Above
  // kMaxWaiting the connection ends (OnEnded).
  std::uint64_t Write(std::string_view piece);
  // The answer is complete. Precondition: Streaming().
  void Finish();
  // The answer cannot be completed: the connection ends, so that the client sees a short answer.
  // Precondition: Streaming().
  void Abandon(const char* why);

  // While it is held, no more of the body is read from the client, and OnBody is not called. A body that is
  // held from Start on is not begun: a client that waits for "100 Continue" is not told to send it.
  void HoldBody(bool hold);

  // Offers the connection to another worker, together with the request, as if it had not been read. True: it
  // has left. False: it stays, also because a piece of its body has been given to the handler (HoldBody).
  // `answer_by` goes with it (HttpRequest::answer_by). Precondition: Open(), and Start has returned.
  bool Travel(Time answer_by);

  // ---- for the session ----

  // `head`: the bytes from which `request` was parsed.
  Exchange(std::string_view head, const HttpRequest& request) : kept_(head, request) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // The handler has returned. From now on answers go to `sender`; those that are held follow at once.
  void Attach(Sender& sender);
  // Something was answered while the sender was not ready.
  [[nodiscard]] bool Holds() const { return held_ != nullptr; }
  // Gives it to the sender, which is ready now.
  void SendHeld();
  // The session ends, or the handler has answered in another way.
  void Detach();
  void Leaving();
  // The socket has taken bytes.
  void Sent();
  [[nodiscard]] bool BodyHeld() const { return body_held_; }
  // A part of a body that comes in pieces was read from the client, and its handler has it.
  [[nodiscard]] bool BodyBegun() const { return body_begun_ && Request().body_follows; }
  void Body(std::string_view piece, bool last);
  // Inside Travel.
  [[nodiscard]] bool Offered() const { return offered_; }
  [[nodiscard]] Time OfferedUntil() const { return answer_by_; }
  // For who decides before its handler, and has now given it the exchange: what was told to the observer of
  // then is told to that of the handler.
  void TellLeaving();
  // The copy of the request, for the same.
  [[nodiscard]] http::KeptRequest& Kept() { return kept_; }
  [[nodiscard]] const http::KeptRequest& Kept() const { return kept_; }

 private:
  enum class State : std::uint8_t { kOpen, kStreaming, kDone, kEnded };

  // What was answered and not given to the sender yet.
  struct Held {
    std::optional<HttpResponse> response;
    std::string pieces;
    bool whole = false;  // `response` is not the head of a streamed answer
    bool finished = false;
    const char* gave_up = nullptr;  // Abandon, and why
  };

  // What is answered now can be sent at once.
  [[nodiscard]] bool MaySend() const { return sender_ != nullptr && held_ == nullptr && sender_->Ready(); }
  // For what cannot.
  Held& Hold();
  [[nodiscard]] bool Over() const { return state_ == State::kDone || state_ == State::kEnded; }

  http::KeptRequest kept_;
  Sender* sender_ = nullptr;
  Observer* observer_ = nullptr;
  std::unique_ptr<Held> held_;
  State state_ = State::kOpen;
  bool leaving_ = false;
  bool above_mark_ = false;
  bool offered_ = false;
  Time answer_by_{};  // of the last Travel
  bool body_held_ = false;
  bool body_begun_ = false;
};

}  // namespace preforkd

#endif
