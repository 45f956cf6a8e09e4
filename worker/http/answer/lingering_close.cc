#include "worker/http/answer/lingering_close.h"

#include <algorithm>

namespace preforkd::http {
namespace {

constexpr Duration kIdle = std::chrono::seconds(2);
constexpr Duration kTotal = std::chrono::minutes(1);

}  // namespace

LingeringClose::LingeringClose(Connection& connection, std::uint64_t min_rate)
    : connection_(connection), rules_{kIdle, min_rate, kTotal} {}

void LingeringClose::Begin() {
  const Time now = Now();
  pace_ = Pace(rules_, now);
  connection_.HalfClose();
  AwaitMore(now);
}

void LingeringClose::OnReadable() {
  const IoResult result = connection_.Receive(connection_.Env().in);
  const Time now = Now();
  pace_.Progress(rules_, result.size, now);
  const bool ended = result.kind == IoResult::Kind::kEnd || result.kind == IoResult::Kind::kError;
  if (ended) return connection_.Close();
  if (now >= pace_.Deadline(rules_))
    return connection_.Close("the client kept sending after the last response");
  AwaitMore(now);
}

void LingeringClose::Hurry() {
  const Time now = Now();
  rules_.total = std::min(rules_.total, Age(now) + kIdle);
  AwaitMore(now);
}

void LingeringClose::AwaitMore(Time now) {
  connection_.SetTimeout(std::max<Duration>(pace_.Deadline(rules_) - now, Duration(0)));
  connection_.Await(Interest::kRead);
}

}  // namespace preforkd::http
