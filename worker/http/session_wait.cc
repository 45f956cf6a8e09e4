#include "worker/http/session_wait.h"

#include <algorithm>
#include <utility>

namespace preforkd::http {
namespace {

// A head that keeps to min_rate may take this many times header_timeout.
constexpr int kHeadTotal = 2;

}  // namespace

PaceRules WaitRules(WaitFor wait, const HttpSettings& config) {
  switch (wait) {
    case WaitFor::kFirstByte: return {config.header_timeout, 0, config.header_timeout};
    case WaitFor::kHead:
      return {config.header_timeout, config.min_rate,
              config.header_timeout * (config.min_rate > 0 ? kHeadTotal : 1)};
    case WaitFor::kBody: return {config.body_timeout, config.min_rate, config.max_body_time};
    case WaitFor::kRoom: return {config.send_timeout, config.min_rate, config.max_send_time};
    case WaitFor::kAnswer: return {Duration(0), 0, Duration(0)};
    case WaitFor::kNothing:
    case WaitFor::kNextRequest: break;
  }
  return {config.keepalive_timeout, 0, config.keepalive_timeout};
}

void SessionWait::Begin(WaitFor wait) {
  if (wait == wait_) return;
  if (Idle()) idle_until_ = until_;
  wait_ = wait;
  const Time now = Now();
  const PaceRules rules = Rules();
  pace_ = Pace(rules, now);
  until_ = pace_.Deadline(rules);
  // No request has arrived since the last idle time, in an earlier worker or before a partial empty line:
  // keep that deadline.
  if (Idle()) until_ = std::min(until_, idle_until_);
  SetTimer(now);
}

void SessionWait::Progress(std::uint64_t bytes) {
  if (!InRequest()) return;
  const Time now = Now();
  const PaceRules rules = Rules();
  pace_.Progress(rules, bytes, now);
  until_ = pace_.Deadline(rules);
  SetTimer(now);
}

void SessionWait::Delivered(std::uint64_t delivered) {
  const std::uint64_t before = std::exchange(delivered_, std::max(delivered, delivered_));
  if (wait_ != WaitFor::kRoom || delivered <= before) return;
  const Time now = Now();
  const PaceRules rules = Rules();
  pace_.Progress(rules, delivered - before, now);
  until_ = pace_.Deadline(rules);
  SetTimer(now);
}

bool SessionWait::Over() {
  const Time now = Now();
  if (now >= until_) return true;
  SetTimer(now);
  return false;
}

Duration SessionWait::Lag(Time now) const {
  return wait_ == WaitFor::kNothing || wait_ == WaitFor::kAnswer ? Duration(0) : pace_.Lag(now);
}

void SessionWait::SetTimer(Time now) {
  if (wait_ == WaitFor::kAnswer) return connection_.CancelTimeout();
  // An expired wait gets 1 ms, because a delay of 0 would mean no limit to the master.
  const Duration delay = std::max<Duration>(until_ - now, std::chrono::milliseconds(1));
  Idle() ? connection_.SetIdleTimeout(delay) : connection_.SetTimeout(delay);
}

}  // namespace preforkd::http
