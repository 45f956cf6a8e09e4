// SessionWait: what one HTTP session waits for, and for how long. It alone sets the session's timer.
//
// WaitRules, a pure function of the configuration, has the rules of each kind of wait; pace.h defines how
// bytes move a deadline. It arranges the call of the session's OnTimeout, and never ends anything itself.
#ifndef PREFORKD_WORKER_HTTP_SESSION_WAIT_H_
#define PREFORKD_WORKER_HTTP_SESSION_WAIT_H_

#include <cstdint>
#include <optional>

#include "worker/connection/connection.h"
#include "worker/http/answer/pace.h"
#include "worker/http/http_settings.h"

namespace preforkd::http {

enum class WaitFor {
  kNothing,
  kFirstByte,    // the first byte of the connection
  kNextRequest,  // the first byte of the next request
  kHead,         // the rest of the head
  kBody,         // the rest of the body
  kRoom,         // room in the socket, for the rest of a response
  kAnswer,       // the answer of a handler that has deferred it; without a limit here
};

PaceRules WaitRules(WaitFor wait, const HttpSettings& config);

class SessionWait {
 public:
  // `config` must outlive this object. `idle_until`: the idle deadline set by an earlier worker.
  SessionWait(Connection& connection, const HttpSettings& config, std::optional<Time> idle_until)
      : connection_(connection), config_(config), idle_until_(idle_until.value_or(Time::max())) {}

  // Starts to wait. No effect if it already waits for the same.
  void Begin(WaitFor wait);
  // The wait is over: what it waited for has arrived.
  void End() {
    wait_ = WaitFor::kNothing;
    idle_until_ = Time::max();
  }
  // Bytes of what it waits for have arrived. They do not extend idle time.
  void Progress(std::uint64_t bytes);
  // While a response is sent: `delivered` bytes have reached the client in total. Bytes accepted by the
  // socket do not count: that can be a megabyte, which a slow client reads for minutes without visible
  // progress.
  void Delivered(std::uint64_t delivered);
  // Call on a timeout. True if the time is over; else the timer runs again.
  bool Over();

  [[nodiscard]] WaitFor For() const { return wait_; }
  [[nodiscard]] Time Until() const { return until_; }
  [[nodiscard]] bool Idle() const { return wait_ == WaitFor::kFirstByte || wait_ == WaitFor::kNextRequest; }
  [[nodiscard]] bool InRequest() const { return wait_ == WaitFor::kHead || wait_ == WaitFor::kBody; }
  // See Session::Lag.
  [[nodiscard]] Duration Lag(Time now) const;

 private:
  void SetTimer(Time now);
  [[nodiscard]] PaceRules Rules() const { return WaitRules(wait_, config_); }

  Connection& connection_;
  const HttpSettings& config_;
  Time idle_until_;  // deadline of the current idle time until a request arrives; else max
  Pace pace_;
  Time until_{};
  std::uint64_t delivered_ = 0;
  WaitFor wait_ = WaitFor::kNothing;
};

}  // namespace preforkd::http

#endif
