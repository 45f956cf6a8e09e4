// SessionWait: what one HTTP session waits for, and how long it may: the timer of the session, and nobody
// else sets it.
//
// The rules of each kind of waiting are one pure function of the configuration (WaitRules); how bytes move a
// deadline is pace.h. Tells Connection when to call the session's OnTimeout; never ends anything itself.
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
  kFirstByte,    // of the connection
  kNextRequest,  // its first byte
  kHead,         // the rest of it
  kBody,         // the rest of it
  kRoom,         // in the socket, for the rest of an answer
};

PaceRules WaitRules(WaitFor wait, const HttpSettings& config);

class SessionWait {
 public:
  // `config` outlives it. `idle_until`: what an earlier worker has left of the time to be idle.
  SessionWait(Connection& connection, const HttpSettings& config, std::optional<Time> idle_until)
      : connection_(connection), config_(config), idle_until_(idle_until.value_or(Time::max())) {}

  // From now on; nothing changes where this is what is waited for already.
  void Begin(WaitFor wait);
  // It has come.
  void End() {
    wait_ = WaitFor::kNothing;
    idle_until_ = Time::max();
  }
  // Bytes of it have come. Idle time does not get longer by them.
  void Progress(std::uint64_t bytes);
  // The answer that is being sent: `delivered` of its connection's bytes have reached the client. Not what
  // the socket has taken: that may be a megabyte, which a slow client reads for minutes while nothing seems
  // to move.
  void Delivered(std::uint64_t delivered);
  // After a timeout: the time is over. If not, the timer runs again.
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
  Time idle_until_;  // of the idle time before, while no request has come; else max
  Pace pace_;
  Time until_{};
  std::uint64_t delivered_ = 0;
  WaitFor wait_ = WaitFor::kNothing;
};

}  // namespace preforkd::http

#endif
