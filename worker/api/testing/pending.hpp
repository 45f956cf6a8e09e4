// Pending: a request that was made and not answered yet, and its client: it may send its body in pieces, stop
// to read, or leave.
#ifndef PREFORKD_TESTING_PENDING_HPP
#define PREFORKD_TESTING_PENDING_HPP

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "exchange.hpp"

namespace pfd::testing {

// Copies are the same request. All functions: the thread that made the Module.
class Pending {
 public:
  Pending(std::shared_ptr<detail::Exchange> exchange, std::chrono::nanoseconds limit)
      : exchange_(std::move(exchange)), limit_(limit) {}

  // Waits for the answer. After the limit of the module's options the server answers: 504. Timers of the
  // module run in real time meanwhile; Module::advance() is faster.
  Answer answer() {
    if (!host().loop.run_until([&] { return exchange_->finished(); }, limit_)) time_out();
    return so_far();
  }
  // Waits until the body so far holds this text. False: it ended without, or it took too long.
  bool wait_for(std::string_view text) {
    const auto seen = [&] { return so_far().body.find(text) != std::string::npos; };
    host().loop.run_until([&] { return seen() || exchange_->finished(); }, limit_);
    return seen();
  }
  // What has come by now.
  [[nodiscard]] Answer so_far() const {
    const std::lock_guard guard(exchange_->lock);
    return exchange_->answer;
  }
  [[nodiscard]] bool done() {
    host().loop.run_ready();
    return exchange_->finished();
  }

  // With PFD_PIECES: the next piece of the body, and its end.
  void send(std::string_view piece) {
    change_body([&] { exchange_->body += piece; });
  }
  void end_body() {
    change_body([&] { exchange_->body_complete = true; });
  }
  // It was malformed, or too late.
  void lose_body() {
    change_body([&] { exchange_->body_lost = true; });
  }

  // The client does not read: what is written waits, up to 64 KiB and a piece.
  void stop_reading() {
    const std::lock_guard guard(exchange_->lock);
    exchange_->reading = false;
  }
  [[nodiscard]] std::int64_t waiting() const {
    const std::lock_guard guard(exchange_->lock);
    return exchange_->waiting;
  }
  // It reads what waits, and goes on reading.
  void resume() {
    bool drained = false;
    {
      const std::lock_guard guard(exchange_->lock);
      exchange_->reading = true;
      drained = exchange_->waiting > detail::kEnoughWaiting;
      exchange_->waiting = 0;
      exchange_->tell();
    }
    if (drained) tell("drained", host().module->drained);
  }

  void leave() {
    {
      const std::lock_guard guard(exchange_->lock);
      if (exchange_->done) return;
      exchange_->left = true;
      exchange_->tell();
    }
    tell("gone", host().module->gone);
  }

  // request_timeout of the server: the client gets 504, or a broken answer if it had begun.
  void time_out() {
    {
      const std::lock_guard guard(exchange_->lock);
      if (exchange_->done || exchange_->left) return;
      exchange_->by_server = true;
      if (exchange_->begun) {
        exchange_->done = true;
        exchange_->tell();
      } else {
        detail::answer_by_server(*exchange_, 504);
      }
    }
    tell("gone", host().module->gone);
  }

  // For Module.
  [[nodiscard]] const std::shared_ptr<detail::Exchange>& exchange() const { return exchange_; }

 private:
  [[nodiscard]] detail::Host& host() { return *exchange_->host; }

  template <class Change>
  void change_body(Change change) {
    {
      const std::lock_guard guard(exchange_->lock);
      change();
      exchange_->tell();
    }
    tell("arrived", host().module->arrived);
  }

  // A module is told about requests that it keeps.
  void tell(const char* name, void (*function)(void*, pfd_request*)) {
    {
      const std::lock_guard guard(exchange_->lock);
      if (function == nullptr || !exchange_->kept || exchange_->owners == 0) return;
      ++exchange_->owners;  // the server's, for the time of the call
    }
    auto* request = reinterpret_cast<pfd_request*>(exchange_.get());
    detail::call_module(host(), name, [&] { function(exchange_->state, request); });
    detail::host_drop(request);
    host().loop.run_ready();
  }

  std::shared_ptr<detail::Exchange> exchange_;
  std::chrono::nanoseconds limit_;
};

}  // namespace pfd::testing

#endif
