// RequestAnswer: the answer to one request, as a module gives it, in any thread.
//
// It goes one of two ways. In the loop thread, inside handle(), a whole answer is put straight into the
// response of the session (inline). Otherwise the request has an exchange (worker/http/answer/exchange.h):
// what is answered is collected under a lock, and the loop thread gives it to the exchange (Deliver).
//
// The exchange is touched in the loop thread only.
#ifndef PREFORKD_WORKER_MODULE_HTTP_REQUEST_ANSWER_H_
#define PREFORKD_WORKER_MODULE_HTTP_REQUEST_ANSWER_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "worker/api/module.h"
#include "worker/http/answer/exchange.h"
#include "worker/http/answer/response.h"

namespace preforkd::module {

// What a module passed for one answer.
struct AnswerParts {
  int status = 200;
  std::span<const pfd_field> fields{};
  std::string_view body{};
  int file = -1;  // the answer owns it from the call on
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string_view protocol{};  // of the Upgrade field, with 101 or 426
  std::string_view context{};   // with 101: of the session that follows
  const char* wrong = nullptr;  // why it cannot be sent, whatever it is: 500
  bool page = false;            // in place of a body: the server's own page for the status
};

class RequestAnswer {
 public:
  // What the answer needs of its request.
  class Host {
   public:
    [[nodiscard]] virtual bool InLoopThread() const = 0;
    // Loop thread: the request needs an exchange from now on (BeginDeferred).
    virtual void NeedExchange() = 0;
    // Another thread: call Deliver in the loop thread soon. False: the worker ends.
    virtual bool PostDelivery() = 0;
    // The module has done something wrong. Any thread.
    virtual void OnFault(std::string_view what) = 0;

   protected:
    ~Host() = default;
  };

  explicit RequestAnswer(Host& host) : host_(host) {}
  RequestAnswer(const RequestAnswer&) = delete;
  RequestAnswer& operator=(const RequestAnswer&) = delete;

  // ---- the request's side; loop thread ----

  // `response`: of the session, valid until EndInline.
  void BeginInline(HttpResponse& response);
  void EndInline();
  // An inline answer that was given already moves to the exchange, which must outlive this until Reset.
  void BeginDeferred(Exchange& exchange);
  // A thread begins the request, which may have waited for it: its time starts again. That thread.
  void Started();
  // Gives to the exchange what is there.
  void Deliver();
  // Nobody will answer any more: 500, or the end of a streamed answer.
  void GiveUp();
  // The time of the request is over: answers with 504, or ends a streamed answer. False: it was answered, or
  // may go on. `in_thread`: handle() of the request blocks an application thread.
  bool TimeOut(bool in_thread);
  // What the exchange tells.
  void Leaving();
  void Ended();
  void Room();
  void Reset();

  // ---- the module's side; any thread; what module.h says ----

  int Respond(const AnswerParts& parts);
  int Begin(const AnswerParts& head);
  std::int64_t Write(std::string_view piece);
  int End();
  // 500, unless it has been answered.
  void Fail();

  // The client has left, or was answered by the server.
  [[nodiscard]] bool Gone() const;
  // No answer has been begun.
  [[nodiscard]] bool Open() const;
  // An answer in pieces has been begun and not ended.
  [[nodiscard]] bool Streams() const;
  // The time of the last sign of life of a streamed answer; else of the start.
  [[nodiscard]] Time Active() const;

 private:
  enum class Phase : std::uint8_t {
    kOpen,
    kStreaming,
    kAnswered,
    kTimedOut,  // answered by the server
    kEnded,     // the connection has ended before the answer was complete
  };

  // What waits to be given to the exchange.
  struct Outbox {
    std::optional<HttpResponse> response;
    std::string pieces;
    bool streamed = false;  // `response` is the head of a streamed answer
    bool finished = false;
    bool abandoned = false;
  };

  // An application thread that streams waits for the client.
  [[nodiscard]] bool WaitsForRoom() const { return outbox_.pieces.size() + waiting_ > Exchange::kMark; }
  // Why an answer is refused now; 0: it is not. Under the lock.
  [[nodiscard]] int Refusal(Phase wanted) const;
  // A whole answer goes into the response of the session.
  [[nodiscard]] bool Straight() const { return response_ != nullptr && exchange_ == nullptr; }
  // A malformed answer becomes a 500.
  void Replace(HttpResponse& response, const char* wrong);
  // Something is in the outbox. Unlocks. 0, or -EPIPE: the worker ends.
  int Send(std::unique_lock<std::mutex>& lock);
  void Give(Outbox& box);

  Host& host_;
  Exchange* exchange_ = nullptr;  // changed in the loop thread, under the lock

  mutable std::mutex mutex_;  // of all below
  HttpResponse* response_ = nullptr;
  std::condition_variable room_;
  Phase phase_ = Phase::kOpen;
  Outbox outbox_;
  bool posted_ = false;        // a Deliver will come
  bool leaving_ = false;       // the client has shut down its sending side
  std::uint64_t waiting_ = 0;  // bytes that the client had not taken at the last look
  Time active_{};
};

}  // namespace preforkd::module

#endif
