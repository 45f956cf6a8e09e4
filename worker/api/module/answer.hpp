// Answers that are more than a value: Later, an answer that comes when it is ready, and Stream, one of
// unknown length.
#ifndef PREFORKD_MODULE_ANSWER_HPP
#define PREFORKD_MODULE_ANSWER_HPP

#include <coroutine>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "request.hpp"
#include "response.hpp"

namespace pfd::inline v1 {

// Copies share one request. When the last is gone without an answer, the client gets 500.
class Later {
 public:
  explicit Later(const Request& request) : kept_(request.keep()) {}

  // Any thread, once. False: the client has left, or it has been answered, also by the server (504); or HTTP
  // cannot carry this answer, and the client gets 500.
  bool respond(Response response) const { return response.send(*kept_->instance->host, kept_->request) == 0; }
  [[nodiscard]] bool gone() const { return kept_->instance->host->gone(kept_->request) != 0; }
  // Calls `call()` in the loop thread when the client has left or was answered by the server. If that has
  // happened already, it does not come: ask gone() afterwards.
  void on_gone(std::function<void()> call) const { kept_->set_gone(std::move(call)); }
  [[nodiscard]] Service service() const { return Service(kept_->instance); }

 private:
  detail::KeptRef kept_;
};

// What write() did. True: the client is there. In a coroutine `co_await` it: it goes on, with true or false,
// when the client has taken enough.
class Written {
 public:
  // Above so many waiting bytes a writer should stop; see write() in module.h.
  static constexpr std::int64_t kEnough = 64 * 1024;

  Written(std::int64_t result, detail::Instance* instance, pfd_request* request, detail::Kept* kept)
      : result_(result), instance_(instance), request_(request), kept_(kept) {}

  explicit operator bool() const { return result_ >= 0; }
  [[nodiscard]] std::int64_t waiting() const { return result_ < 0 ? 0 : result_; }  // bytes
  // Event handlers without coroutines: stop until on_drained().
  [[nodiscard]] bool enough() const { return result_ > kEnough; }

  [[nodiscard]] bool await_ready() const { return !enough() || kept_ == nullptr; }
  void await_suspend(std::coroutine_handle<> waiting) const { kept_->set_writer(waiting); }
  [[nodiscard]] bool await_resume() const {
    return result_ >= 0 && (!enough() || instance_->host->gone(request_) == 0);
  }

 private:
  std::int64_t result_;
  detail::Instance* instance_;
  pfd_request* request_;
  detail::Kept* kept_;
};

// An answer in pieces. A handler that takes Stream& has it ended when it returns, or when its coroutine does.
// One that takes Stream (by value) keeps it, and calls end() itself; dropped before, the client sees a broken
// answer. After an exception, too.
class Stream {
 public:
  // Borrowed: for the time of the handler's call.
  explicit Stream(const Request& request) : instance_(request.instance()), request_(request.raw()) {}
  Stream(const Request& request, detail::KeptRef kept) : Stream(request) { kept_ = std::move(kept); }
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;

  // The head, before the first write. Default: 200, application/octet-stream.
  Stream& status(int status) { return head_.status(status), *this; }
  Stream& type(std::string type) { return head_.type(std::move(type)), *this; }
  Stream& field(std::string name, std::string value) {
    return head_.field(std::move(name), std::move(value)), *this;
  }

  // Sends a piece. A blocking handler waits here until the client has taken enough. False: the client has
  // left, or was answered by the server; stop.
  Written write(std::string_view piece) {
    const std::int64_t begun = begin();
    return result(begun < 0 ? begun : host().write(request_, detail::str(piece)));
  }
  // Sends the head now; it goes with the first piece otherwise.
  Written flush() { return result(begin()); }
  // False: the client has left. Nothing may follow.
  bool end() {
    const detail::KeptRef kept = kept_;  // what on_drained() captured may own this Stream
    ended_ = true;
    const bool sent = begin() >= 0 && host().end(request_) == 0;
    if (kept) kept->forget();
    return sent;
  }

  [[nodiscard]] bool gone() const { return host().gone(request_) != 0; }
  // Of a kept stream; in the loop thread. on_gone: once, when the client has left or the server has answered.
  // on_drained: whenever little waits for the client after there was enough.
  void on_gone(std::function<void()> call) { kept().set_gone(std::move(call)); }
  void on_drained(std::function<void()> call) { kept().set_drained(std::move(call)); }

  // For the other parts of this wrapper.
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  [[nodiscard]] const pfd_host& host() const { return *instance_->host; }

  std::int64_t begin() {
    if (!begun_) {
      if (head_.type().empty()) head_.type("application/octet-stream");
      begin_result_ = head_.begin(host(), request_);
      begun_ = true;
    }
    return begin_result_;
  }
  Written result(std::int64_t result) { return Written(result, instance_, request_, kept_.get()); }
  detail::Kept& kept() {
    if (!kept_) kept_ = detail::KeptRef(detail::Kept::keep(instance_, request_));
    return *kept_.get();
  }

  detail::Instance* instance_;
  pfd_request* request_;
  detail::KeptRef kept_;
  Response head_;
  bool begun_ = false;
  int begin_result_ = 0;
  bool ended_ = false;
};

}  // namespace pfd::inline v1

#endif
